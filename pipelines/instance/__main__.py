"""`python -m pipelines.instance`: what Dagster's processes open is there before they start."""

from anonymizer.storage.home import Home
from pipelines.instance.instance import make_storage, prepare_instance

if __name__ == "__main__":
    make_storage(prepare_instance(Home.from_environment()))
