"""The part of the v1beta1 API of Kubeflow Pipelines that its UI and older SDKs still use over HTTP."""
