"""A small CLIP tokenizer folder: all bytes, some merges learned from a few captions, the released files' layout."""

import json
from collections import Counter
from pathlib import Path

CAPTIONS = """a red fox walking in the snow. a man is walking on the beach, a dog running through the forest.
two cats playing near the river; the blue bird flying over the mountain. a horse galloping across the field.
a boat sailing on the sea at sunset. a woman dancing in the city at night. a white bear walking to the left.
a green car driving down the road. blurry, low quality, watermark. best quality, a video of a spinning cube"""
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_characters() -> list[str]:
    """The printable stand-in of every byte, in the order of CLIP's vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]


def learn_merges(text: str, count: int) -> list[tuple[str, str]]:
    """Byte pair encoding: the most frequent pair of neighbours is merged, again and again."""
    letters = "".join(c if c.isalpha() else " " for c in text.lower())
    words = {tuple(word[:-1]) + (word[-1] + "</w>",): n for word, n in Counter(letters.split()).items()}
    merges = []
    for _ in range(count):
        pairs = Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {merged(word, best): n for word, n in words.items()}
    return merges


def merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    result = []
    for symbol in word:
        if result and (result[-1], symbol) == pair:
            result[-1] += symbol
        else:
            result.append(symbol)
    return tuple(result)


def write_tokenizer(path: Path, padding: str, merges: int = 150, size: int = 0) -> int:
    """Writes vocab.json, merges.txt and both special token files; returns the size of the vocabulary.

    Where `size` asks for more words than there are, unused ones are put before the special tokens, which end the vocabulary.
    As in ModelScope's folder, tokenizer_config.json names the end token as padding whatever special_tokens_map.json says.
    """
    path.mkdir(parents=True, exist_ok=True)
    pairs = learn_merges(CAPTIONS, merges)
    symbols = byte_characters()
    words = symbols + [c + "</w>" for c in symbols] + ["".join(pair) for pair in pairs]
    words += [f"<unused-{index}>" for index in range(len(words), size - 2)] + [START, END]
    vocabulary = {word: index for index, word in enumerate(words)}
    assert len(vocabulary) == len(words)

    def added(content: str) -> dict:
        return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}

    def write(name: str, value) -> None:
        (path / name).write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")

    write("vocab.json", vocabulary)
    lines = ["#version: 0.2"] + [" ".join(pair) for pair in pairs]
    (path / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write("special_tokens_map.json",
          {"bos_token": added(START), "eos_token": added(END), "pad_token": padding, "unk_token": added(END)})
    write("tokenizer_config.json",
          {"add_prefix_space": False, "bos_token": {"__type": "AddedToken", **added(START)}, "do_lower_case": True,
           "eos_token": {"__type": "AddedToken", **added(END)}, "errors": "replace", "model_max_length": 77,
           "pad_token": END, "tokenizer_class": "CLIPTokenizer",
           "unk_token": {"__type": "AddedToken", **added(END)}})
    return len(vocabulary)
