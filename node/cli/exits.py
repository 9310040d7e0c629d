"""Exit codes of ``banktax``; docs/cli.md prints this table."""

from __future__ import annotations

from enum import IntEnum

from node.codes import Code, Side
from node.errors import Refusal


class Exit(IntEnum):
    """What the shell sees."""

    DONE = 0
    FAILED = 1
    CALLER = 2
    PARTLY = 3
    CANCELLED = 4
    OPERATOR = 5
    REFUSED = 6
    INTERNAL = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141


EXIT_MEANINGS: dict[Exit, tuple[str, str]] = {
    Exit.DONE: (
        "Done. Rejected rows or enterprises that the bureau does not hold do not change that.",
        "完成。个别行被拒绝或税务机关无该企业不影响此结果。",
    ),
    Exit.FAILED: (
        "The work ended without a result: a job failed, or an import accepted nothing.",
        "未产生结果：作业失败，或导入无一行被接受。",
    ),
    Exit.CALLER: ("The command or its input is wrong.", "命令或输入有误。"),
    Exit.PARTLY: (
        "Done, but consents were refused, or the one enterprise asked for got no score.",
        "已完成，但有授权被拒绝，或所查询的单个企业未得到评分。",
    ),
    Exit.CANCELLED: ("The job was cancelled.", "作业已取消。"),
    Exit.OPERATOR: (
        "A node cannot do it now: not running, unreachable, a key, a setting or the storage. Repeat it later.",
        "节点当前无法执行：未运行、不可达，或密钥、配置、存储有问题。可稍后重试。",
    ),
    Exit.REFUSED: (
        "Refused by a rule: agreement, catalogue, model, limit or consent.",
        "按规则被拒绝：协议、目录、模型、限额或授权。",
    ),
    Exit.INTERNAL: ("Something failed that should not; the message names a report.", "内部错误；提示中给出报告文件。"),
    Exit.INTERRUPTED: (
        "Interrupted with Ctrl-C, or a question was answered with no. A job that was submitted goes on.",
        "被 Ctrl-C 中断，或对询问作出否定回答。已提交的作业继续运行。",
    ),
    Exit.BROKEN_PIPE: ("Whoever read the output stopped reading.", "输出的读取方已停止读取。"),
}

_BY_SIDE = {Side.CALLER: Exit.CALLER, Side.OPERATOR: Exit.OPERATOR}
# An operator has to act, but repeating the command later does not help: a document or a trusted card is wanting.
_RULES = {Code.AGREEMENT_INACTIVE, Code.PEER_UNTRUSTED}


def exit_of(refusal: Refusal) -> Exit:
    """Return the exit code of a refusal: by its rule, else by the side that has to act."""
    if refusal.code is Code.INTERNAL:
        return Exit.INTERNAL
    if refusal.code in _RULES:
        return Exit.REFUSED
    return _BY_SIDE.get(refusal.side, Exit.REFUSED)
