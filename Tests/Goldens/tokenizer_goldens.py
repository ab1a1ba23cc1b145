"""Tokenizer folders as they are found in the wild, and the ids that transformers gives for awkward texts."""

import argparse
import json
import shutil
from pathlib import Path

from transformers import CLIPTokenizer

from tiny_tokenizer import END, START, write_tokenizer

TEXTS = [
    "", " ", "hi!", "hi !", "a  b!!", "!", "!!! wow !!!", "A Fox in the SNOW.", "a red fox walking in the snow",
    "it's we're they've i'm you'll he'd don't", "IT'S 'tis ''s '", "12 345 6b7 ½ Ⅷ ٣", "x" * 300,
    " ".join(["the dog is running"] * 40), "the quick, brown; fox: (jumps) [over] {the} <lazy> dog?!...",
    "é e\u0301 É E\u0301", "\u1e9b\u0323 \u212b \u03a9\u2126 ﬁ", "İstanbul ΟΔΟΣ Straße ẞ",
    "가 \u1100\u1161\u11a8 각", "狐狸在雪中 走路", "きつね ｷﾂﾈ が か\u3099", "🦊 in the ❄️ 👨\u200d👩\u200d👧 🇫🇷",
    "नमस्ते दुनिया ไทย", "שָׁלוֹם مَرْحَبًا", "a\tb\nc\r\nd\u000be\u000cf", "nbsp\u00a0em\u2003zero\u200bwidth\u3000wide\u0085nel",
    "nul\u0000bell\u0007esc\u001bunit\u001fdel\u007f", "\ufeffbom soft\u00adhyphen", "a_b-c/d\\e|f~g`h^i",
    "<|startoftext|>a<|endoftext|>b", "<|EndOfText|> <|StartOfText|>!", "<|endoftext|", "fox<|endoftext|>!!fox",
    "a!b hi!there !a", "<cat-toy> a<cat-toy>b <CAT-TOY>", "q\u0307\u0323 \u0344 \u0958", "𝒻𝑜𝓍 ＦＯＸ ²³ ①",
]


def write(path: Path, value) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")


def newer_layout(source: Path, target: Path) -> None:
    """What today's transformers saves: everything in tokenizer.json, no vocab.json; here with a token of its own."""
    tokenizer = CLIPTokenizer.from_pretrained(source)
    tokenizer.add_tokens(["<cat-toy>"], special_tokens=True)
    tokenizer.save_pretrained(target)


def middle_layout(source: Path, target: Path) -> None:
    """What transformers 4.34 and later saved: vocab.json, merges.txt, and the added tokens in tokenizer_config.json.

    The file special_tokens_map.json contradicts on purpose: it is not read when the added tokens are listed.
    """
    shutil.copytree(source, target)
    vocabulary = json.loads((source / "vocab.json").read_text(encoding="utf-8"))

    def entry(content: str, normalized: bool) -> dict:
        return {"content": content, "lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False,
                "special": True}

    write(target / "tokenizer_config.json", {
        "added_tokens_decoder": {"0": entry("!", False), str(vocabulary[START]): entry(START, True),
                                 str(vocabulary[END]): entry(END, False)},
        "bos_token": START, "eos_token": END, "pad_token": "!", "unk_token": END,
        "model_max_length": 1000000000000000019884624838656, "tokenizer_class": "CLIPTokenizer"})
    write(target / "special_tokens_map.json", {"pad_token": END})


def bare_layout(source: Path, target: Path) -> None:
    """vocab.json and merges.txt alone."""
    target.mkdir(parents=True)
    for name in ["vocab.json", "merges.txt"]:
        shutil.copy(source / name, target / name)


def goldens(folder: Path) -> dict:
    tokenizer = CLIPTokenizer.from_pretrained(folder)

    def ids(text: str, length: int) -> list[int]:
        return tokenizer(text, padding="max_length", max_length=length, truncation=True)["input_ids"]

    return {
        "length": min(tokenizer.model_max_length, 77), "start": tokenizer.bos_token_id, "end": tokenizer.eos_token_id,
        "padding": tokenizer.pad_token_id,
        # The padding is left out: the test adds it again.
        "texts": [{"text": text, "ids": trimmed(ids(text, 77), tokenizer.pad_token_id)} for text in TEXTS],
        "short": [{"text": text, "ids": ids(text, 8)} for text in TEXTS],
    }


def trimmed(ids: list[int], padding: int) -> list[int]:
    while len(ids) > 1 and ids[-1] == padding and ids[-2] == padding:
        ids = ids[:-1]
    return ids


def make(root: Path = Path(__file__).parent / "tokenizer") -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name in ["pad-exclamation", "pad-end", "newer", "middle", "bare"]:
        shutil.rmtree(root / name, ignore_errors=True)
    write_tokenizer(root / "pad-exclamation", "!", merges=120)
    write_tokenizer(root / "pad-end", END, merges=120)
    newer_layout(root / "pad-exclamation", root / "newer")
    middle_layout(root / "pad-exclamation", root / "middle")
    bare_layout(root / "pad-end", root / "bare")
    for name in ["pad-exclamation", "pad-end", "newer", "middle", "bare"]:
        write(root / name / "golden.json", goldens(root / name))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    folder = parser.parse_args().folder
    make(folder) if folder else make()
