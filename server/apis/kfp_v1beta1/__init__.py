"""What is left of the API of Kubeflow Pipelines, v1beta1: what its UI and older SDKs still read over HTTP."""
