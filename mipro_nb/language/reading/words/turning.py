"""Words for yes and no, and words beside a label or a number that may turn it into another one."""

from __future__ import annotations

import re

TRUE_WORDS = frozenset({"true", "yes", "1", "y", "t"})
FALSE_WORDS = frozenset({"false", "no", "0", "n", "f"})
# A word beside a label that may turn it into its opposite, or into two labels.
TURNING = re.compile(
    r"\b(?:not|no|non|never|neither|nor|none|or|and|but|un|anti|hardly|barely|maybe|perhaps|either"
    r"|both|without|less|un\w*sure|likely|possibly|\w+n['\u2019]t|cannot|false\w*|untrue|wrong\w*"
    r"|incorrect\w*|far|opposite|contrary|reverse|inverse|low|little|minimal|doubt\w*|unclear|might|could|anything|nothing|zero|hard|mixed|free"
    r"|lack\w*|fail\w*|refus\w*|reject\w*|den(?:y|ies|ied)|exclud\w*|except|absen\w+|rather|than"
    r"|instead|nicht|nie|kein\w*|nein|weder|oder|ohne|pas|jamais|aucune?|sans|ou|sin|nunca|tampoco"
    r"|senza|n\u00e3o|nem|niet|geen|inte|ikke|icke|de\u011fil|nen\u00ed|\u043d\u0435"
    r"|\u043d\u0435\u0442)\b"
    # Chinese, Japanese and Korean have no spaces: not, is not.
    r"|[\u4e0d\u975e\u65e0\u7121\u6ca1]|\u306a\u3044|\uc544\ub2c8|\uc54a"
    # ~~spam~~, and signs that say no.
    r"|[?\uff1f/|~\u00ac\u2260\u2717\u2718\u274c\u26d4\U0001f44e\U0001f6ab]|!="
)
# In a remark beside a number: it stands for another one.
SCALING = re.compile(
    r"\b(?:k|m|b|bn|mn|mio|mrd|mill\w*|bill\w*|trill\w*|thousand\w*|hundred\w*|tens|dozens?|scores?"
    r"|lakhs?|crores?|tausend|hundert|pct|percent\w*|times|half|halves|double\w*|twice|squared|cubed"
    r"|negative|minus|below|above|under|over|least|most|more|up|max|maxim\w+|min|minim\w+|actually)\b"
    r"|[%\u2030\u00d7*^=<>\u2264\u2265\u00b1]"
)
