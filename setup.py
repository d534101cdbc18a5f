"""What setup.cfg cannot say: experiments and job scripts lie beside the package, and are shipped inside it."""

from setuptools import find_packages, setup

SHIPPED = {"evo_hns.experiments": "experiments", "evo_hns.slurm": "slurm"}

setup(packages=[*find_packages(include=["evo_hns*"]), *SHIPPED], package_dir=SHIPPED)
