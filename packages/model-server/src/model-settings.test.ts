import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseModelSettings } from "./model-settings.ts";
import { ModelLoadError } from "./model.ts";

describe("parseModelSettings", () => {
  it.each<[string, unknown, object]>([
    [
      "upstream's iris",
      {
        name: "iris",
        implementation: "mlserver_lightgbm.LightGBMModel",
        parameters: { uri: "./iris-lightgbm.bst", version: "v0.1.0" },
      },
      { name: "iris", uri: "iris-lightgbm.bst", version: "v0.1.0" },
    ],
    ["a name alone", { name: "m" }, { name: "m" }],
    ["MLServer's mount", { parameters: { uri: "/mnt/models/model.txt" } }, { uri: "model.txt" }],
    ["null and empty text", { name: "", parameters: { uri: null } }, {}],
    ["no parameters", { parameters: null }, {}],
  ])("reads %s", (_, settings, expected) => {
    expect(parseModelSettings(JSON.stringify(settings))).toEqual(expected);
  });

  it.each<[string, string, RegExp]>([
    ["broken JSON", "{", /^model-settings.json: not JSON/],
    ["a list of nothing", "null", /^model-settings.json: not an object/],
    ["a number as name", '{"name":1}', /^model-settings.json: name is not a string/],
    [
      "a way out",
      '{"parameters":{"uri":"../../etc/passwd"}}',
      /"..\/..\/etc\/passwd" leads out of the directory/,
    ],
    ["another mount", '{"parameters":{"uri":"/srv/m.bst"}}', /"\/srv\/m.bst" leads out of the directory/],
    ["a path as version", '{"parameters":{"version":"1/2"}}', /version "1\/2" is not a version/],
  ])("refuses %s", (_, text, message) => {
    expect(() => parseModelSettings(text)).toThrow(message);
  });

  it("answers any JSON with settings or a ModelLoadError", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (name, uri) => {
        for (const document of [name, { name, parameters: { uri, version: name } }, { parameters: uri }]) {
          try {
            parseModelSettings(JSON.stringify(document));
          } catch (error) {
            expect(error).toBeInstanceOf(ModelLoadError);
          }
        }
      }),
    );
  });
});
