"""The namespace of a run: that in KFP's own database, otherwise that of the run's context. Readers and mapping call this."""

from migrations.mlmd.vocabulary.rows import ContextRow, KfpRun


def run_namespace(context: ContextRow, kfp: KfpRun | None) -> str:
    """Return the namespace of a run, "" when neither has one."""
    if kfp is not None and kfp.namespace:
        return kfp.namespace
    namespaces = [row.text for row in context.properties if row.name == "namespace" and row.custom]
    return namespaces[0] if namespaces and isinstance(namespaces[0], str) else ""
