package io.github.dl4jtorch.examples;

import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * How well a network does on images.
 *
 * @param accuracy how many of them it knows, from 0 to 1
 * @param loss the mean cross-entropy
 */
record Judged(double accuracy, double loss) {

  private static final int BATCH_SIZE = 500;

  /** What is certain to be wrong has a finite loss, too. */
  private static final double LEAST_PROBABILITY = 1e-30;

  /** Judges a network that has softmax outputs. */
  static Judged by(MultiLayerNetwork net, DataSet images) {
    double right = 0;
    double loss = 0;
    for (DataSet batch : images.batchBy(BATCH_SIZE)) {
      INDArray labels = batch.getLabels();
      INDArray probabilities = net.output(batch.getFeatures());
      INDArray hits = probabilities.argMax(1).eq(labels.argMax(1));
      right += hits.castTo(labels.dataType()).sumNumber().doubleValue();
      INDArray ofRight = Transforms.max(probabilities.mul(labels).sum(1), LEAST_PROBABILITY);
      loss -= Transforms.log(ofRight).sumNumber().doubleValue();
    }
    return new Judged(right / images.numExamples(), loss / images.numExamples());
  }
}
