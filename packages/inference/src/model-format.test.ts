import { describe, expect, it } from "vitest";
import { detectModelFormat, type ModelFile } from "./model-format.ts";

const file = (path: string, text = ""): ModelFile => ({
  path,
  size: text.length,
  head: Buffer.from(text, "latin1"),
});
const onnx = file("model.onnx", "\x08\x08");
const xgboost = file("model.json", '{"learner":{"attributes":{}');
const mlmodel = file(
  "MLmodel",
  "flavors:\n  python_function:\n    loader_module: x\n  sklearn:\n    pickled_model: model.pkl\n",
);

describe("detectModelFormat", () => {
  it.each<[string, ModelFile[], object]>([
    ["ONNX", [onnx, file("README.md")], { format: "onnx", path: "model.onnx", servable: true }],
    [
      "XGBoost JSON beside golden answers",
      [xgboost, file("golden/data.json", "{}")],
      { format: "xgboost-json", path: "model.json", servable: true },
    ],
    [
      "pretty XGBoost JSON",
      [file("m.json", '{\n  "version": [1,6,0],\n "learner": {')],
      { format: "xgboost-json", servable: true },
    ],
    [
      "XGBoost UBJSON",
      [file("model.ubj", "{L\0\0\0\0\0\0\0\x07learner{")],
      { format: "xgboost-ubj", servable: true },
    ],
    ["LightGBM text", [file("iris.bst", "tree\nversion=v3\n")], { format: "lightgbm-text", servable: true }],
    [
      "SavedModel",
      [file("tf2model/saved_model.pb", "\x08\x01"), file("MLmodel", "flavors:\n  tensorflow:\n")],
      { format: "tensorflow-savedmodel", path: "tf2model", servable: false },
    ],
    [
      "OpenVINO IR",
      [file("m.xml", '<?xml version="1.0"?>\n<net name="x">'), file("m.bin")],
      { format: "openvino-ir", path: "m.xml", servable: false },
    ],
    ["MLflow without its model", [mlmodel], { format: "mlflow", flavour: "sklearn", servable: false }],
    [
      "a scikit-learn pickle",
      [mlmodel, file("model.pkl", "\x80\x04")],
      {
        format: "pickle",
        flavour: "scikit-learn",
        servable: false,
        advice: expect.stringMatching(/never loaded here; convert it to ONNX: skl2onnx/),
      },
    ],
    [
      "an XGBoost pickle",
      [file("model.joblib", "\x80\x04cxgboost.sklearn\nXGBClassifier")],
      { format: "pickle", flavour: "xgboost" },
    ],
    ["a PyTorch checkpoint", [file("model.pt", "PK\x03\x04")], { format: "pickle", flavour: "pytorch" }],
    ["an unknown pickle", [file("model.pkl", "\x80\x05cmine\nX")], { format: "pickle", flavour: "python" }],
    [
      "the highest version",
      [file("1/model.onnx", "\x08\x08"), file("2/model.json", '{"learner":{')],
      { format: "xgboost-json", path: "2/model.json", version: "2" },
    ],
    [
      "several",
      [onnx, xgboost],
      {
        format: "unknown",
        servable: false,
        advice: expect.stringMatching(/several model files \(model.onnx, model.json\)/),
      },
    ],
    ["a JSON that is no model", [file("config.json", '{"a":1}')], { format: "unknown", servable: false }],
    ["nothing", [], { format: "unknown", advice: expect.stringMatching(/the directory has no files/) }],
    ["hidden files", [file(".git/model.onnx", "\x08")], { format: "unknown" }],
  ])("%s", (_, files, expected) => {
    expect(detectModelFormat(files)).toMatchObject(expected);
  });
});
