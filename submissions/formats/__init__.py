"""Predictions as files, one module a form: ``maps``, ``boxes``, ``embeddings``, ``images``, ``scores``, ``labels``.

A task names its module in ``Task.files``. Each module offers

- ``FORMS``: the names of the forms that it writes, the usual one first, and ``ABOUT``, what participants are told;
- ``read(source, ids, truths, options, findings=None) -> Predictions``: of a folder or file, one prediction for each id;
- ``examine(files, ids, truths, options, report) -> Iterator[(id, prediction)]``: the same of any named bytes (a zip),
  with everything that is wrong in ``report``; without a reference (``ids`` None) what can be said without one;
- ``write(items, predictions, options, spec) -> {name: bytes}``: the files of a submission, from a run's stored items.

``options`` are those of ``Task.score_options``.
"""
