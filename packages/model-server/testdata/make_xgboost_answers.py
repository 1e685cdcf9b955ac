"""Records what the real xgboost answers, one small model per objective and option: xgboost-answers.json.

    pip install xgboost==3.2.0 numpy && python make_xgboost_answers.py

Each case has the model as XGBoost's JSON, rows (null = missing) and xgboost's own float32 predictions; some have the
same model as UBJSON (base64).
"""

import base64
import json
from pathlib import Path

import numpy as np
import xgboost

rng = np.random.default_rng(5)
ROWS, FEATURES, ASKED = 300, 5, 25
x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
x[rng.random(x.shape) < 0.15] = np.nan
signal = np.nan_to_num(x[:, 0]) * 2 - np.nan_to_num(x[:, 1]) + rng.normal(size=ROWS) * 0.1
binary = (signal > 0).astype(np.float32)
positive = np.exp(signal / 3).astype(np.float32)
classes = np.digitize(signal, [-1, 1]).astype(np.float32)
cat = x.copy()
cat[:, 4] = rng.integers(0, 8, ROWS)
cat_label = signal + np.where(np.isin(cat[:, 4], [1, 3, 6]), 2, 0)

CASES = [
    ("reg:squarederror", {}, signal), ("reg:squaredlogerror", {}, positive), ("reg:absoluteerror", {}, signal),
    ("reg:pseudohubererror", {}, signal), ("reg:quantileerror", {"quantile_alpha": 0.3}, signal),
    ("reg:logistic", {}, binary), ("binary:logistic", {}, binary), ("binary:logitraw", {}, binary),
    ("binary:hinge", {}, binary), ("count:poisson", {}, np.round(positive)), ("reg:gamma", {}, positive),
    ("reg:tweedie", {}, positive), ("survival:cox", {}, positive), ("rank:pairwise", {}, binary),
    ("rank:ndcg", {}, binary), ("multi:softprob", {"num_class": 3}, classes),
    ("multi:softmax", {"num_class": 3}, classes),
]
VARIANTS = [
    ("base-score", "binary:logistic", {"base_score": 0.2}, x, binary),
    ("dart", "reg:squarederror", {"booster": "dart", "rate_drop": 0.4}, x, signal),
    ("forest", "binary:logistic", {"num_parallel_tree": 3, "subsample": 0.6}, x, binary),
    ("categorical", "reg:squarederror", {"max_cat_to_onehot": 1}, cat, cat_label),
    ("categorical-onehot", "binary:logistic", {"max_cat_to_onehot": 64}, cat, (cat_label > 0).astype(np.float32)),
    ("two-targets", "reg:squarederror", {}, x, np.stack([signal, -signal], axis=1)),
    ("exact", "reg:squarederror", {"tree_method": "exact"}, x, signal),
    ("vector-leaf", "reg:squarederror", {"multi_strategy": "multi_output_tree"}, x, np.stack([signal, -signal, signal**2], axis=1)),
    ("vector-leaf-classes", "multi:softprob", {"multi_strategy": "multi_output_tree", "num_class": 3}, x, classes),
    ("linear", "reg:squarederror", {"booster": "gblinear"}, x, signal),
    ("linear-classes", "multi:softprob", {"booster": "gblinear", "num_class": 3}, x, classes),
    ("linear-two-targets", "reg:squarederror", {"booster": "gblinear"}, x, np.stack([signal, 3 - signal], axis=1)),
    ("linear-logistic", "binary:logistic", {"booster": "gblinear"}, x, binary),
]
WITH_UBJ = {"binary:logistic", "multi:softprob", "dart", "categorical", "two-targets", "vector-leaf", "linear"}


def record(name, objective, params, rows, label):
    types = ["q"] * 4 + ["c"] if rows is cat else None
    train = xgboost.DMatrix(rows, label, feature_types=types, enable_categorical=True)
    if objective.startswith("rank:"):
        train.set_group([ROWS // 3] * 3)
    options = {"objective": objective, "max_depth": 3, "eta": 0.5, "seed": 1, "nthread": 1, **params}
    if params.get("booster") == "gblinear":
        del options["max_depth"]
    booster = xgboost.train(options, train, num_boost_round=4)
    asked = rows[:ASKED].copy()
    if rows is cat:
        asked[:4, 4] = [7, 25, -1, np.nan]  # known, unknown, negative and missing categories
    answer = booster.predict(xgboost.DMatrix(asked, feature_types=types, enable_categorical=True))
    return {
        "name": name,
        "model": json.loads(bytes(booster.save_raw("json"))),
        "rows": [[None if np.isnan(v) else float(v) for v in row] for row in asked],
        "expected": [float(v) for v in answer.astype(np.float32).ravel()],
        **({"ubj": base64.b64encode(bytes(booster.save_raw("ubj"))).decode()} if name in WITH_UBJ else {}),
    }


def main():
    cases = [record(objective, objective, params, x, label) for objective, params, label in CASES]
    cases += [record(*variant) for variant in VARIANTS]
    text = "[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n"
    Path(__file__).with_name("xgboost-answers.json").write_text(text)


main()
