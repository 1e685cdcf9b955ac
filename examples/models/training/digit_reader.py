"""Trains digit-reader: reads one digit from an 8x8 grey image, as from a meter or a stamped part (scikit-learn, ONNX).

    python digit_reader.py MODEL_DIR

The data is scikit-learn's own `load_digits` (1,797 images); pixels are 0 (paper) to 16 (ink).
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import golden


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_dir", type=Path)
    args = parser.parse_args()

    x, y = load_digits(return_X_y=True)
    x = x.astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(x, y, test_size=0.2, random_state=7, stratify=y)
    model = make_pipeline(StandardScaler(), MLPClassifier((48,), max_iter=400, random_state=7))
    model.fit(train_x, train_y)
    print(f"accuracy on {len(test_y)} held-out images: {model.score(test_x, test_y):.3f}")

    # Without zipmap the probabilities are a tensor; a list of maps is nothing that a serving protocol can carry.
    onnx = to_onnx(model, train_x[:1], options={"zipmap": False}, target_opset=17)
    args.model_dir.mkdir(parents=True, exist_ok=True)
    (args.model_dir / "model.onnx").write_bytes(onnx.SerializeToString())

    session = onnxruntime.InferenceSession(onnx.SerializeToString(), providers=["CPUExecutionProvider"])
    # Two images that it reads right: a golden answer should look right to the person who reads it.
    right = np.flatnonzero(model.predict(test_x) == test_y)[:2]
    sample = test_x[right]
    label, probabilities = session.run(["label", "probabilities"], {"X": sample})
    outputs = [("label", "INT64", label), ("probabilities", "FP32", probabilities)]
    golden.write(args.model_dir, "digit-reader", [("X", "FP32", sample)], outputs)
    print(f"golden images show {test_y[right].tolist()}, read as {label.tolist()}")


if __name__ == "__main__":
    main()
