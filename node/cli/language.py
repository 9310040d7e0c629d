"""Which language people are spoken to in, and a refusal in that language. Codes and file formats never change."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from enum import StrEnum

from node.codes import Side
from node.errors import Refusal
from node.meanings import CODE_MEANINGS


class Language(StrEnum):
    """A language of the command line."""

    ENGLISH = "en"
    CHINESE = "zh"


_SIDES = {
    Side.CALLER: ("the caller's side", "调用方"),
    Side.BANK: ("the bank's side", "银行侧"),
    Side.BUREAU: ("the bureau's side", "税务机关侧"),
    Side.ENTERPRISE: ("the enterprise's side", "企业侧"),
    Side.OPERATOR: ("the operator's side", "运维方"),
}


def language_from(environment: Mapping[str, str] = os.environ) -> Language:
    """Return the language that the locale variables ask for; English where they ask for neither."""
    names = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next((name for name in names if name), "")
    return Language.CHINESE if locale.lower().startswith("zh") else Language.ENGLISH


def refusal_line(refusal: Refusal, language: Language) -> str:
    """Return a refusal as one line: code, detail, whose side, what to do."""
    meaning = CODE_MEANINGS[refusal.code]
    english, chinese = _SIDES[refusal.side]
    if language is Language.ENGLISH:
        return printable(f"error {refusal.code}: {refusal.detail} ({english}; {refusal.remedy})")
    remedy = meaning.remedy_chinese if refusal.remedy == meaning.remedy else refusal.remedy
    return printable(f"错误 {refusal.code}：{meaning.chinese}{refusal.detail}（{chinese}；{remedy}）")


def printable(text: str) -> str:
    """Return one line that cannot steer a terminal: names and details may come from another party."""
    kept = (" " if letter in "\n\r\t" else letter for letter in text)
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(letter) else letter for letter in kept)


def _steers(letter: str) -> bool:
    """Control, format (bidirectional overrides among them), surrogate and unassigned characters."""
    return unicodedata.category(letter).startswith("C")
