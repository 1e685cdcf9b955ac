"""Trains bike-rentals: how many bikes are rented on a day, from calendar and weather (XGBoost, saved as JSON).

    python bike_rentals.py DATASET.csv MODEL_DIR [--years 1|2]

DATASET.csv is the UCI bike-sharing table by day (instant, dteday, season, yr, …, cnt). `--years 1` trains on the first
year only: that is version 1, which cannot know how rentals grew. `--years 2` trains on both: version 2.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import xgboost

import golden

FEATURES = ["day", "mnth", "year", "season", "holiday", "weekday", "workingday", "weathersit", "temp", "hum", "windspeed"]
GOLDEN_ROWS = [100, 200, 500]


def load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = list(csv.DictReader(path.open()))
    for row in rows:
        row["year"], row["day"] = int(row["yr"]), int(row["dteday"].split("-")[2])
    x = np.array([[float(row[name]) for name in FEATURES] for row in rows], dtype=np.float32)
    return x, np.array([float(row["cnt"]) for row in rows], dtype=np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("--years", type=int, choices=[1, 2], default=1)
    args = parser.parse_args()

    x, y = load(args.dataset)
    seen = x[:, FEATURES.index("year")] < args.years
    held_out = np.arange(len(y)) % 5 == 0
    params = {"objective": "reg:squarederror", "max_depth": 4, "eta": 0.1, "subsample": 0.8, "seed": 7, "nthread": 1}
    train = xgboost.DMatrix(x[seen & ~held_out], y[seen & ~held_out], feature_names=FEATURES)
    booster = xgboost.train(params, train, num_boost_round=120)

    def predict(rows: np.ndarray) -> np.ndarray:
        return booster.predict(xgboost.DMatrix(rows, feature_names=FEATURES))

    for year in (0, 1):
        of_year = held_out & (x[:, FEATURES.index("year")] == year)
        error = np.abs(predict(x[of_year]) - y[of_year]).mean()
        print(f"mean absolute error on held-out days of year {year + 1}: {error:.0f} rentals")

    args.model_dir.mkdir(parents=True, exist_ok=True)
    booster.save_model(args.model_dir / "model.json")
    sample = x[GOLDEN_ROWS]
    answer = predict(sample).reshape(-1, 1)
    golden.write(args.model_dir, "bike-rentals", [("input-0", "FP32", sample)], [("predict", "FP32", answer)])


if __name__ == "__main__":
    main()
