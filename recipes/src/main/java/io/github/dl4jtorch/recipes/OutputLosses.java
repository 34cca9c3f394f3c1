package io.github.dl4jtorch.recipes;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.optim.TorchCrossEntropyLoss;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.BaseOutputLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.lossfunctions.ILossFunction;
import org.nd4j.linalg.lossfunctions.impl.LossMCXENT;
import org.nd4j.linalg.lossfunctions.impl.LossNegativeLogLikelihood;

/** The losses of a network's output layers, where labels are smoothed. */
final class OutputLosses {

  private OutputLosses() {}

  /** Gives output layers what a recipe says of label smoothing. */
  static void smooth(List<Layer> layers, Part recipe) {
    if (!recipe.has("label_smoothing")) {
      return;
    }
    List<BaseOutputLayer> outputs = outputs(layers);
    if (outputs.isEmpty()) {
      throw new IllegalArgumentException(
          "label_smoothing needs an output layer, but the network has none");
    }
    outputs.forEach(OutputLosses::requireCrossEntropy);
    TorchCrossEntropyLoss loss =
        new TorchCrossEntropyLoss().withLabelSmoothing(recipe.number("label_smoothing"));
    outputs.forEach(output -> output.setLossFn(loss));
  }

  private static List<BaseOutputLayer> outputs(List<Layer> layers) {
    return layers.stream()
        .filter(BaseOutputLayer.class::isInstance)
        .map(BaseOutputLayer.class::cast)
        .toList();
  }

  /** Returns the layers as they are at work, and as they are in the configuration. */
  static List<Layer> layers(NeuralNetwork net) {
    LiveNetwork live = LiveNetwork.of(net, "its labels are smoothed");
    Stream<NeuralNetConfiguration> configured =
        live.model() instanceof MultiLayerNetwork layers
            ? layers.getLayerWiseConfigurations().getConfs().stream()
            : ((ComputationGraph) live.model())
                .getConfiguration().getVertices().values().stream()
                    .filter(LayerVertex.class::isInstance)
                    .map(vertex -> ((LayerVertex) vertex).getLayerConf());
    return Stream.concat(Arrays.stream(live.layers()).map(layer -> layer.conf()), configured)
        .map(NeuralNetConfiguration::getLayer)
        .toList();
  }

  private static void requireCrossEntropy(BaseOutputLayer layer) {
    ILossFunction loss = layer.getLossFn();
    boolean isPlain =
        loss instanceof TorchCrossEntropyLoss
            || ((loss.getClass() == LossMCXENT.class
                    || loss.getClass() == LossNegativeLogLikelihood.class)
                && ((LossMCXENT) loss).getWeights() == null);
    if (!isPlain || !(layer.getActivationFn() instanceof ActivationSoftmax)) {
      throw new IllegalArgumentException(
          "label_smoothing needs SOFTMAX and MCXENT without weights in every output layer, but "
              + layer.getLayerName()
              + " has "
              + layer.getActivationFn()
              + " and "
              + loss);
    }
  }

  /** Returns how much the labels are smoothed, NaN if that cannot be told. */
  static double smoothing(NeuralNetwork net) {
    double smoothing = Double.NaN;
    for (BaseOutputLayer layer : outputs(layers(net))) {
      if (layer.getLossFn() instanceof TorchCrossEntropyLoss loss) {
        smoothing = loss.labelSmoothing();
      }
    }
    return smoothing;
  }
}
