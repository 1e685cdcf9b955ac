"""Writes golden requests in the files that the smoke test reads: data.json (request) and output.json (answer)."""

import json
from pathlib import Path


def write(model_dir: Path, model_name: str, inputs: list, outputs: list) -> None:
    """Both are lists of Open Inference tensors: (name, datatype, array)."""
    def tensor(name, datatype, array):
        values = [float(f"{v:.9g}") if datatype == "FP32" else int(v) for v in array.ravel()]
        return {"name": name, "shape": list(array.shape), "datatype": datatype, "data": values}

    golden = model_dir / "golden"
    golden.mkdir(parents=True, exist_ok=True)
    request = {"inputs": [tensor(*t) for t in inputs]}
    answer = {"model_name": model_name, "model_version": "1", "outputs": [tensor(*t) for t in outputs]}
    (golden / "data.json").write_text(json.dumps(request) + "\n")
    (golden / "output.json").write_text(json.dumps(answer) + "\n")
