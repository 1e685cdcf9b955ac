"""Records what the real lightgbm answers, one small model per objective and option: lightgbm-answers.json.

    pip install lightgbm==4.7.0 numpy && python make_lightgbm_answers.py

Each case has the model as LightGBM's text (importances and parameters cut off, except in the first), rows
(null = missing) and lightgbm's own answers.
"""

import json
from pathlib import Path

import lightgbm
import numpy as np

rng = np.random.default_rng(7)
ROWS, FEATURES, ASKED = 300, 5, 25
x = rng.normal(size=(ROWS, FEATURES))
x[rng.random(x.shape) < 0.15] = np.nan
x[rng.random(x.shape) < 0.1] = 0
full = np.nan_to_num(x)
signal = full[:, 0] * 2 - full[:, 1] + np.isnan(x[:, 2]) + rng.normal(size=ROWS) * 0.1
binary = (signal > 0).astype(float)
positive = np.exp(signal / 3)
classes = np.digitize(signal, [-1, 1]).astype(float)
share = 1 / (1 + np.exp(-signal))
cat = x.copy()
cat[:, 3] = rng.integers(0, 70, ROWS)
cat[:, 4] = rng.integers(0, 4, ROWS)
cat_label = signal + np.where(cat[:, 3] % 3 == 1, 2, 0) + np.where(cat[:, 4] == 2, -2, 0)
CATS = {"min_data_per_group": 1, "cat_smooth": 1, "min_data_in_leaf": 3}
RF = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}

CASES = [
    ("regression", "regression", {}, x, signal), ("regression_l1", "regression_l1", {}, x, signal),
    ("huber", "huber", {}, x, signal), ("fair", "fair", {}, x, signal), ("poisson", "poisson", {}, x, positive),
    ("quantile", "quantile", {"alpha": 0.3}, x, signal), ("mape", "mape", {}, x, positive),
    ("gamma", "gamma", {}, x, positive), ("tweedie", "tweedie", {}, x, positive),
    ("binary", "binary", {}, x, binary), ("multiclass", "multiclass", {"num_class": 3}, x, classes),
    ("multiclassova", "multiclassova", {"num_class": 3}, x, classes),
    ("cross_entropy", "cross_entropy", {}, x, share),
    ("cross_entropy_lambda", "cross_entropy_lambda", {}, x, share),
    ("lambdarank", "lambdarank", {}, x, binary), ("rank_xendcg", "rank_xendcg", {}, x, binary),
    ("custom objective", lambda predicted, data: (predicted - data.get_label(), np.ones(ROWS)), {}, x, signal),
    ("reg_sqrt", "regression", {"reg_sqrt": True}, x, signal),
    ("binary sigmoid", "binary", {"sigmoid": 2.5}, x, binary),
    ("multiclassova sigmoid", "multiclassova", {"num_class": 3, "sigmoid": 0.7}, x, classes),
    ("random forest", "binary", RF, x, binary), ("random forest, classes", "multiclass", {"num_class": 3, **RF}, x, classes),
    ("dart", "regression", {"boosting": "dart", "drop_rate": 0.5}, x, signal),
    ("goss", "regression", {"data_sample_strategy": "goss"}, x, signal),
    ("linear trees", "regression", {"linear_tree": True}, x, signal),
    ("linear trees, classes", "multiclass", {"num_class": 3, "linear_tree": True}, x, classes),
    ("zero as missing", "regression", {"zero_as_missing": True}, x, signal),
    ("no missing values", "regression", {"use_missing": False}, x, signal),
    ("trained without missing values", "regression", {}, full, signal),
    ("categorical", "regression", {**CATS, "max_cat_to_onehot": 1}, cat, cat_label),
    ("categorical one-hot", "binary", {**CATS, "max_cat_to_onehot": 64}, cat, (cat_label > 0).astype(float)),
    ("constant trees", "regression", {"min_data_in_leaf": 1000}, x, signal),
]


def record(name, objective, params, rows, label):
    train = lightgbm.Dataset(rows, label, categorical_feature=[3, 4] if rows is cat else [])
    if objective in ("lambdarank", "rank_xendcg"):
        train.set_group([ROWS // 3] * 3)
    options = {"objective": objective, "num_leaves": 6, "learning_rate": 0.4, "min_data_in_leaf": 10, "seed": 1,
               "num_threads": 1, "verbose": -1, "deterministic": True, **params}
    booster = lightgbm.train(options, train, num_boost_round=4)
    text = booster.model_to_string()
    if name != "regression":
        text = text[: text.index("end of trees") + len("end of trees\n")]
    asked = x[:ASKED].copy() if rows is full else rows[:ASKED].copy()
    if rows is cat:
        asked[:7, 3] = [7, 71, -1, np.nan, 1e10, 33.9, -0.5]  # known, unknown, negative, missing, fractions
    asked[0, 0], asked[1, 0] = 1e-36, -1e-30
    if "linear" not in name:
        asked[2, 0] = np.inf
    answer = lightgbm.Booster(model_str=text).predict(asked)
    return {
        "name": name,
        "model": text,
        "rows": [[None if np.isnan(v) else "inf" if np.isinf(v) else float(v) for v in row] for row in asked],
        "expected": [float(v) for v in np.asarray(answer).ravel()],
    }


def main():
    text = "[\n" + ",\n".join(json.dumps(record(*case), separators=(",", ":")) for case in CASES) + "\n]\n"
    Path(__file__).with_name("lightgbm-answers.json").write_text(text)


main()
