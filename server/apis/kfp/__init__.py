"""The API of Kubeflow Pipelines, v2beta1: what its driver, launcher, SDK and UI call."""
