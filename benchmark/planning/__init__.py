"""What is asked, and what it comes to: experiments with their ids, refused where they cannot be."""
