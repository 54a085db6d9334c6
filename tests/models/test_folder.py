"""Model folders: found, talked to, and refused when something is wrong."""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sfray import models
from sfray.models import Folder, ModelError

driver = runpy.run_path(str(Path(__file__).parents[1] / "training" / "sft" / "driver.py"))
USER = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    driver["write_model"](folder)
    return folder


@pytest.fixture
def copy(base, tmp_path):
    return Path(shutil.copytree(base, tmp_path / "copy"))


def test_import_needs_no_engine():
    code = "import sys, sfray.models; print({'torch', 'ray', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_resolve_a_folder(base):
    assert models.resolve(str(base)) == base


@pytest.mark.parametrize(("name", "parameters"), [("tiny", 1_199_360), ("nano", 772_096)])
def test_the_embedded_models_are_whole(name, parameters):
    folder = models.resolve(name)
    assert folder == models.named(name) == models.EMBEDDED[name]
    found = models.check_folder(folder)
    assert (found.parameters, found.dtype, models.anywhere(name)) == (parameters, "float32", name)


def test_resolve_a_name_that_no_hub_knows(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"model\.path: neither a folder nor a model of the hub: 'no/such-model'"):
        models.resolve("no/such-model")


@pytest.mark.parametrize("path", ["./nothing", "/nowhere/at/all", "a/b/c"])
def test_resolve_nothing(path):
    with pytest.raises(ModelError, match=r"model\.path: no folder"):
        models.resolve(path)


def test_resolve_an_empty_folder(tmp_path):
    with pytest.raises(ModelError, match=r"has no config\.json"):
        models.resolve(str(tmp_path))


def test_prompt(base):
    tokenizer = models.load_tokenizer(base)
    assert models.prompt_text(tokenizer, USER) == "[user]hi<|end|>[assistant]"
    assert tokenizer.decode(models.prompt_ids(tokenizer, USER)) == "[user]hi<|end|>[assistant]"


def test_rendering_that_agrees(base):
    assert models.check_rendering(models.load_tokenizer(base), USER, "<think>\nyes\n</think>\n\n4") is None


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% for m in messages %}{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}>{% endif %}", "begin"),
        ("{% for m in messages %}{{ m['content'].split('</think>')[-1] }}{% endfor %}", "rewrites"),
    ],
)
def test_rendering_that_differs(base, template, message):
    tokenizer = models.load_tokenizer(base)
    tokenizer.chat_template = template
    with pytest.raises(ModelError, match=message):
        models.check_rendering(tokenizer, USER, "<think>yes</think>4")


def test_template_hash_follows_the_template(base):
    tokenizer = models.load_tokenizer(base)
    before = models.chat_template_hash(tokenizer)
    assert before == "b6131735ee9110fc"
    tokenizer.chat_template += " "
    assert models.chat_template_hash(tokenizer) != before


def test_a_whole_folder(base):
    assert models.check_folder(base) == Folder(26976, "float32", 258, "b6131735ee9110fc")


def test_no_chat_template(copy):
    (copy / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="no chat template"):
        models.check_folder(copy)


def test_no_generation_config(copy):
    (copy / "generation_config.json").unlink()
    with pytest.raises(ModelError, match=r"no generation_config\.json"):
        models.check_folder(copy)


def test_a_tokenizer_that_transformers_rebuilds_differently(copy):
    """The pre-tokenizer in the file merges everything; ``Qwen2Tokenizer`` brings its own."""
    path = copy / "tokenizer.json"
    raw = json.loads(path.read_text())
    vocab = raw["model"]["vocab"]
    raw["model"]["vocab"] = vocab | {"3,": len(vocab)}
    raw["model"]["merges"] = [["3", ","]]
    path.write_text(json.dumps(raw))
    with pytest.raises(ModelError, match=r"disagrees with the folder's tokenizer\.json"):
        models.load_tokenizer(copy)


def _rewrite(folder: Path, change) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_missing_weight(copy):
    _rewrite(copy, lambda weights: weights.pop("model.norm.weight"))
    with pytest.raises(ModelError, match=r"missing keys: \['model.norm.weight'\]"):
        models.check_folder(copy)


def test_a_weight_that_is_not_finite(copy):
    _rewrite(copy, lambda weights: weights["model.norm.weight"].__setitem__(3, float("nan")))
    with pytest.raises(ModelError, match=r"model.norm.weight has values that are not finite"):
        models.check_folder(copy)


def test_more_tokens_than_embeddings(copy):
    tokenizer = models.load_tokenizer(copy)
    tokenizer.add_tokens(["extra"])
    tokenizer.save_pretrained(copy)
    with pytest.raises(ModelError, match="259 tokens, but 258 embeddings"):
        models.check_folder(copy)


OWN_CODE = """
from transformers import Qwen2Config, Qwen2ForCausalLM

class OwnConfig(Qwen2Config):
    model_type = "own"

class OwnModel(Qwen2ForCausalLM):
    config_class = OwnConfig
"""


def test_a_folder_with_code_of_its_own(copy, tmp_path):
    from transformers import AutoModelForCausalLM

    (copy / "own.py").write_text(OWN_CODE)
    path = copy / "config.json"
    own = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "own", "auto_map": own}))
    with pytest.raises(ValueError, match="trust_remote_code"):
        models.check_folder(copy)
    assert models.check_folder(copy, trust_remote_code=True).parameters == 26976
    # What a stage saves, the next one loads: transformers puts the code beside the weights.
    model = AutoModelForCausalLM.from_pretrained(copy, trust_remote_code=True)
    model.save_pretrained(tmp_path / "saved")
    models.load_tokenizer(copy, trust_remote_code=True).save_pretrained(tmp_path / "saved")
    assert models.check_folder(tmp_path / "saved", trust_remote_code=True).parameters == 26976
