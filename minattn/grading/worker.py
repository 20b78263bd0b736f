"""The worker: runs one submission in a process of its own and answers frames. It knows no answer.

Started as `python -I -B worker.py CONFIG`, where CONFIG is JSON with `file` (the submission), `limits`
(names of `resource` limits and their values) and `numpy` (a folder to find NumPy in, if it is not found
otherwise). Requests: `ready`, `load` (run the file, look for the function), `call` (run the function on the
arrays of the frame) and `ping`. No expected value, case name or verdict ever comes here, because
the submission can read everything in this process.

Only NumPy and the standard library: minattn may be missing where this runs.
"""

import contextlib
import importlib.util
import json
import os
import sys
import types

TEXT_CAP = 300


def take_channel():
    """Move the two pipes of the grader away from 0 and 1: what the submission prints goes to 2."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    return source, sink


def apply_limits(limits):
    """Set what the platform has of the wanted resource limits, hard, before the submission runs."""
    try:
        import resource
    except ImportError:
        return
    for name, value in limits.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            spare = name == "RLIMIT_CPU" and value != hard  # at the hard limit the signal would say "killed"
            with contextlib.suppress(ValueError, OSError):  # macOS refuses some
                resource.setrlimit(kind, (value, value + spare))


def load_frames(numpy_folder):
    try:
        import numpy  # noqa: F401
    except ImportError:
        sys.path.append(numpy_folder)
    place = os.path.join(os.path.dirname(os.path.abspath(__file__)), "frames.py")
    spec = importlib.util.spec_from_file_location("frames", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def describe(error, path):
    """One line about an exception; never raises, whatever the exception does when it is printed."""
    try:
        text = f"{type(error).__name__}: {error}"[:TEXT_CAP]
        if isinstance(error, ValueError) and "read-only" in text:
            text += "; your function writes into its argument: work on a copy"
    except BaseException:
        text = "an exception that cannot be printed"
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return text if line is None else f"{text} (line {line})"


def failure(error, path, importing):
    """The reply that names the cause of an exception out of the submission."""
    if isinstance(error, MemoryError):
        return {"cause": "memory", "message": "your code asked for more memory than it may have"}
    if isinstance(error, SystemExit):
        return {"cause": "exit", "message": "your code ended the program (SystemExit)"}
    if isinstance(error, NotImplementedError) and not importing:
        return {"cause": "not-implemented", "message": "the function still raises NotImplementedError"}
    return {"cause": "import-error" if importing else "exception", "message": describe(error, path)}


def load(path, function):
    """Run the submission; (reply, module or None)."""
    module = types.ModuleType("submission")
    module.__file__ = path
    sys.modules["submission"] = module
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        where = f" (line {error.lineno})" if getattr(error, "lineno", None) else ""
        text = getattr(error, "msg", None) or str(error)
        return {
            "cause": "syntax-error",
            "message": f"{type(error).__name__}: {text}"[:TEXT_CAP] + where,
        }, None
    except BaseException as error:
        return failure(error, path, importing=True), None
    try:
        exec(code, module.__dict__)
    except BaseException as error:
        return failure(error, path, importing=True), None
    if not callable(getattr(module, function, None)):
        return {"cause": "missing-function", "message": f"the file defines no function `{function}`"}, None
    return {}, module


def call(frames, module, path, function, args):
    """Run the function; (reply, arrays)."""
    try:
        arrays, many = frames.as_arrays(getattr(module, function)(*args))
    except frames.FrameError as error:
        return {"cause": "wrong-type", "message": error.detail[:TEXT_CAP]}, []
    except BaseException as error:
        return failure(error, path, importing=False), []
    return {"tuple": many}, arrays


def flush_output():
    with contextlib.suppress(BaseException):  # the submission may have replaced or closed it
        sys.stdout.flush()


def serve(frames, source, sink, path):
    """Answer requests until the grader closes the pipe."""
    module = None
    while True:
        try:
            request, args = frames.read(source)
        except frames.FrameError:
            return
        reply, arrays = {}, []
        if request["do"] == "load":
            reply, module = load(path, request["fn"])
        elif request["do"] == "call":
            reply, arrays = call(frames, module, path, request["fn"], args)
        flush_output()
        try:
            frame = frames.pack({"id": request["id"], **reply}, arrays)
        except frames.FrameError as error:
            reply = {
                "cause": "wrong-shape",
                "message": f"your result is too large to hand over ({error.detail})",
            }
            frame = frames.pack({"id": request["id"], **reply})
        sink.write(frame)
        sink.flush()


def main():
    config = json.loads(sys.argv[1])
    source, sink = take_channel()
    frames = load_frames(config["numpy"])
    apply_limits(config["limits"])
    serve(frames, source, sink, config["file"])
    os._exit(0)


if __name__ == "__main__":
    main()
