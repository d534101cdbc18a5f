"""Stages of emergence: which episodes show them, and from which champions of a run on."""

from evo_hns.behaviour.stages.detectors import DETECTORS as DETECTORS
from evo_hns.behaviour.stages.detectors import Detection as Detection
from evo_hns.behaviour.stages.detectors import Detector as Detector
from evo_hns.behaviour.stages.detectors import detect as detect
