"""Rows to work on: from data frames and files, and two public data sets."""

from mipro_nb.datasets.files import from_file
from mipro_nb.datasets.gsm8k import GSM8K, gsm8k_metric
from mipro_nb.datasets.protocol import DataSet
from mipro_nb.datasets.rows import from_dataframe
from mipro_nb.datasets.sms_spam import SMSSpam
from mipro_nb.language.from_dspy.dspy_names import missing_from

__all__ = ["GSM8K", "DataSet", "SMSSpam", "from_dataframe", "from_file", "gsm8k_metric"]

__getattr__ = missing_from(__name__)
