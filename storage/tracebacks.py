"""Frees the variables that an error keeps alive in every frame it passed through. The SQL store calls this."""

import traceback


def release(error: BaseException) -> None:
    """Clear the variables of the frames that an error and its causes have left. The error can still be printed.

    If a library keeps an error in a variable of such a frame, they form a cycle, which keeps everything in these frames –
    perhaps a request of a hundred megabytes – until a full garbage collection, which an idle process never runs.
    """
    errors, ids = [error], {id(error)}
    for each in errors:
        traceback.clear_frames(each.__traceback__)
        for earlier in (each.__cause__, each.__context__):
            if earlier is not None and id(earlier) not in ids:
                ids.add(id(earlier))
                errors.append(earlier)
