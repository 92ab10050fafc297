"""What is served of v1beta1, by the names that policy and log use."""

from server.apis.kfp_v1beta1 import reads
from server.calls.call import PlainHandler

PLAIN_HANDLERS: dict[str, PlainHandler] = {
    "v1beta1.UploadPipeline": reads.upload_pipeline,
    "v1beta1.UploadPipelineVersion": reads.upload_pipeline_version,
    "v1beta1.GetRun": reads.get_run,
    "v1beta1.ListRuns": reads.list_runs,
    "v1beta1.GetExperiment": reads.get_experiment,
    "v1beta1.ListExperiments": reads.list_experiments,
    "v1beta1.GetPipeline": reads.get_pipeline,
    "v1beta1.ListPipelines": reads.list_pipelines,
    "v1beta1.GetPipelineVersion": reads.get_pipeline_version,
    "v1beta1.ListPipelineVersions": reads.list_pipeline_versions,
    "v1beta1.GetPipelineTemplate": reads.get_pipeline_template,
    "v1beta1.GetPipelineVersionTemplate": reads.get_pipeline_version_template,
    "v1beta1.ListJobs": reads.list_jobs,
}
