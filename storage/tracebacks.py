"""What an error keeps alive: the variables of every frame that it passed through. The SQL store calls this."""

import traceback


def release(error: BaseException) -> None:
    """Clear the variables of the frames that an error, and the errors that led to it, have left. It can still be printed.

    A library that keeps an error in a variable of such a frame makes a cycle, in which everything stays that these frames
    hold: a request of a hundred megabytes, until the next full garbage collection, which an idle process never runs.
    """
    errors, ids = [error], {id(error)}
    for each in errors:
        traceback.clear_frames(each.__traceback__)
        for earlier in (each.__cause__, each.__context__):
            if earlier is not None and id(earlier) not in ids:
                ids.add(id(earlier))
                errors.append(earlier)
