package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import java.io.IOException;
import java.util.Locale;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.MergeVertex;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.SplitTestAndTrain;
import org.nd4j.linalg.dataset.adapter.MultiDataSetIteratorAdapter;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * A graph with two inputs and two outputs under a plateau: from the sepal and the petal of a flower
 * to its species and, once more, to its petal.
 */
public final class SeveralInputs {

  private SeveralInputs() {}

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if the data cannot be read
   */
  public static void main(String[] args) throws IOException {
    SplitTestAndTrain split = IrisData.load(1).train().splitTestAndTrain(96);
    ComputationGraph graph = graph();

    LRScheduler run =
        ReduceLROnPlateau.builder()
            .factor(0.5)
            .patience(1)
            .threshold(0.1, ReduceLROnPlateau.ThresholdMode.REL)
            .build()
            .attach(NetworkParamGroups.of(graph));
    DataSetLossCalculator loss = new DataSetLossCalculator(flowers(split.getTest()), true);
    graph.addListeners(SchedulerListener.everyEpoch(run, loss));

    MultiDataSetIterator training = flowers(split.getTrain());
    for (int epoch = 0; epoch < 30; epoch++) {
      double lr = graph.getLearningRate("sepal");
      graph.fit(training);
      System.out.printf(
          Locale.ROOT,
          "epoch %2d  lr %.5f  loss held out %.4f%n",
          epoch,
          lr,
          loss.calculateScore(graph));
    }
  }

  /** Deals the columns of each batch out to the inputs and outputs. */
  private static MultiDataSetIterator flowers(DataSet data) {
    MultiDataSetIterator batches = new MultiDataSetIteratorAdapter(IrisData.batches(data, 12));
    batches.setPreProcessor(
        batch -> {
          INDArray features = batch.getFeatures(0);
          INDArray sepals = features.get(NDArrayIndex.all(), NDArrayIndex.interval(0, 2)).dup();
          INDArray petals = features.get(NDArrayIndex.all(), NDArrayIndex.interval(2, 4)).dup();
          batch.setFeatures(new INDArray[] {sepals, petals});
          batch.setLabels(new INDArray[] {batch.getLabels(0), petals});
        });
    return batches;
  }

  private static ComputationGraph graph() {
    ComputationGraph graph =
        new ComputationGraph(
            new NeuralNetConfiguration.Builder()
                .seed(1)
                .updater(new TorchSGD(0.05).withNesterovMomentum(0.9))
                .activation(Activation.TANH)
                .graphBuilder()
                .addInputs("sepals", "petals")
                .addLayer("sepal", new DenseLayer.Builder().nIn(2).nOut(8).build(), "sepals")
                .addLayer("petal", new DenseLayer.Builder().nIn(2).nOut(8).build(), "petals")
                .addVertex("flower", new MergeVertex(), "sepal", "petal")
                .addLayer(
                    "species",
                    new OutputLayer.Builder()
                        .nIn(16)
                        .nOut(IrisData.SPECIES)
                        .activation(Activation.SOFTMAX)
                        .build(),
                    "flower")
                .addLayer(
                    "measures",
                    new OutputLayer.Builder(LossFunction.MSE)
                        .nIn(16)
                        .nOut(2)
                        .activation(Activation.IDENTITY)
                        .build(),
                    "flower")
                .setOutputs("species", "measures")
                .build());
    graph.init();
    return graph;
  }
}
