"""Does an alert speak to a machine that reads it, rather than of a machine that is in trouble?

A flag for people, not a wall: nothing an alert says is followed whether this finds it or not.
"""

from __future__ import annotations

import re

from engine.redaction import visible

LONGEST = 4000
_SIGNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:previous|prior|above|earlier|all|your|any|these)\b.{0,30}"
        r"\b(?:instruction|prompt|rule|guideline|direction|context|polic)\w*",
        r"\b(?:you are|act as|pretend (?:to be|you)|you must now|from now on)\b.{0,40}\b(?:assistant|ai|model|admin\w*|root|dan|jailbroken|bot|unrestricted)\b",
        r"\b(?:system|developer|assistant)\s*(?:prompt|message|instruction)\b|^\s*(?:system|assistant|developer|human|user)\s*:",
        r"<\|?/?\s*(?:system|assistant|user|im_start|im_end|endoftext|instructions?)\b|\[/?(?:INST|SYS(?:TEM)?)\]|<</?SYS>>|###\s*(?:system|instruction)",
        r"\b(?:ai|llm|model|assistant|chatbot|whisperer)\b[,:]?.{0,40}\b(?:approve|execute|run|silence|suppress|resolve|close|merge|downgrade|mark|set|classify|reply|respond|output|return)\b",
        r"\b(?:approve|auto-?approve|silence|suppress|downgrade|close|resolve|merge)\b.{0,30}\b(?:this|all|every|the)\b.{0,20}\b(?:alert|incident|request|run|runbook)s?\b",
        r"\b(?:set|change|mark|classify|lower|report)\b.{0,30}\b(?:severity|priority|confidence)\b.{0,12}\b(?:to|as|=)\b",
        r"\b(?:respond|reply|answer|output|return|print)\b.{0,20}\b(?:only|with|exactly|json)\b.{0,40}[{\"'“]|\b(?:reveal|print|repeat|show)\b.{0,30}\b(?:prompt|instructions|secrets?|keys?)\b",
        r"\b(?:ignor(?:e|ez|iere|ieren|a|ar)|vergiss|olvida|oublie[zr]?|dimentica|esque[cç]a)\b.{0,50}\b(?:anweisung\w*|instruc\w*|istruzion\w*|consign\w*|regeln?|reglas?|r[eè]gles?)\b",
        r"игнорир\w*.{0,40}(?:инструкц|указан|правил)|忽略.{0,12}(?:指令|指示|说明|提示)|無視.{0,12}(?:指示|命令)|(?:指示|命令).{0,8}無視|تجاهل.{0,30}(?:التعليمات|الأوامر)|이전.{0,10}(?:지시|명령).{0,10}무시",
    )
)  # fmt: skip


def instructs(text: str) -> bool:
    """True for a text with signs of instructions in it; false ones are seldom and do no harm."""
    plain = " ".join(visible(text[:LONGEST]).split())
    return any(sign.search(plain) for sign in _SIGNS)
