"""One folder a lesson, one file an exercise: reference, cases, misconceptions, hints (see `registry`)."""
