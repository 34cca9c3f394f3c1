package io.github.dl4jtorch.adapter;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Small networks in double precision, their data, and what is to be seen of them. */
final class Nets {

  static final int INPUTS = 3;
  static final int OUTPUTS = 2;

  private Nets() {}

  static NeuralNetConfiguration.Builder settings(IUpdater updater) {
    return new NeuralNetConfiguration.Builder()
        .seed(12345)
        .dataType(DataType.DOUBLE)
        .updater(updater);
  }

  static DenseLayer dense(int in, int out) {
    return new DenseLayer.Builder().nIn(in).nOut(out).activation(Activation.TANH).build();
  }

  static DenseLayer dense(int in, int out, IUpdater updater) {
    return new DenseLayer.Builder()
        .nIn(in)
        .nOut(out)
        .activation(Activation.TANH)
        .updater(updater)
        .build();
  }

  static OutputLayer output(int in) {
    return new OutputLayer.Builder(LossFunction.MSE)
        .nIn(in)
        .nOut(OUTPUTS)
        .activation(Activation.IDENTITY)
        .build();
  }

  static OutputLayer output(int in, IUpdater updater) {
    return new OutputLayer.Builder(LossFunction.MSE)
        .nIn(in)
        .nOut(OUTPUTS)
        .activation(Activation.IDENTITY)
        .updater(updater)
        .build();
  }

  static MultiLayerConfiguration layersConfiguration(IUpdater updater) {
    return settings(updater).list(dense(INPUTS, 4), dense(4, 4), output(4)).build();
  }

  static ComputationGraphConfiguration graphConfiguration(IUpdater updater) {
    return settings(updater)
        .graphBuilder()
        .addInputs("in")
        .addLayer("a", dense(INPUTS, 4), "in")
        .addLayer("b", dense(4, 4), "a")
        .addLayer("out", output(4), "b")
        .setOutputs("out")
        .build();
  }

  static MultiLayerNetwork layers(IUpdater updater) {
    return init(layersConfiguration(updater));
  }

  static ComputationGraph graph(IUpdater updater) {
    ComputationGraph net = new ComputationGraph(graphConfiguration(updater));
    net.init();
    return net;
  }

  static MultiLayerNetwork init(MultiLayerConfiguration configuration) {
    MultiLayerNetwork net = new MultiLayerNetwork(configuration);
    net.init();
    return net;
  }

  /** Batches of one example, so that the gradient is not divided by anything on its way. */
  static List<DataSet> data(int batches) {
    Random random = new Random(7);
    List<DataSet> data = new ArrayList<>();
    for (int i = 0; i < batches; i++) {
      double[] features = random.doubles(INPUTS, 0.5, 1.5).toArray();
      double[] labels = random.doubles(OUTPUTS, 4, 6).toArray();
      data.add(
          new DataSet(
              Nd4j.createFromArray(new double[][] {features}),
              Nd4j.createFromArray(new double[][] {labels})));
    }
    return data;
  }

  static DataSetIterator epoch(int batches) {
    return new ListDataSetIterator<>(data(batches), 1);
  }

  static void fit(Model net, List<DataSet> data) {
    for (DataSet batch : data) {
      if (net instanceof MultiLayerNetwork layers) {
        layers.fit(batch);
      } else {
        ((ComputationGraph) net).fit(batch);
      }
    }
  }

  static int blocks(Model net) {
    BaseMultiLayerUpdater<?> updater =
        net instanceof MultiLayerNetwork layers
            ? (BaseMultiLayerUpdater<?>) layers.getUpdater()
            : ((ComputationGraph) net).getUpdater();
    return updater.getUpdaterBlocks().size();
  }

  /** Saves a network with its updater's state and restores it. */
  @SuppressWarnings("unchecked")
  static <M extends Model> M restored(M net) throws IOException {
    ByteArrayOutputStream saved = new ByteArrayOutputStream();
    ModelSerializer.writeModel(net, saved, true);
    ByteArrayInputStream stream = new ByteArrayInputStream(saved.toByteArray());
    return (M)
        (net instanceof MultiLayerNetwork
            ? ModelSerializer.restoreMultiLayerNetwork(stream, true)
            : ModelSerializer.restoreComputationGraph(stream, true));
  }

  /** Returns the parameters as numbers, since arrays are equal already within 1e-5. */
  static double[] params(Model net) {
    return net.params().toDoubleVector();
  }

  static void addListeners(Model net, TrainingListener... listeners) {
    net.addListeners(listeners);
  }

  /** Notes how far each update moved the parameters, as a multiple of the gradient. */
  static final class Movement extends BaseTrainingListener {
    final List<Double> rates = new ArrayList<>();
    final List<INDArray> gradients = new ArrayList<>();
    final List<INDArray> steps = new ArrayList<>();
    private INDArray before = Nd4j.empty();

    @Override
    public void onGradientCalculation(Model model) {
      gradients.add(flat(model.getGradientsViewArray()).dup());
      before = flat(model.params()).dup();
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      INDArray gradient = gradients.get(gradients.size() - 1);
      INDArray step = before.sub(flat(model.params()));
      steps.add(step);
      double rate =
          step.mul(gradient).sumNumber().doubleValue()
              / gradient.mul(gradient).sumNumber().doubleValue();
      rates.add(rate);
      double off = step.sub(gradient.mul(rate)).norm2Number().doubleValue();
      if (off > 1e-10 * step.norm2Number().doubleValue() + 1e-14) {
        rates.set(rates.size() - 1, Double.NaN); // Not along the gradient.
      }
    }

    private static INDArray flat(INDArray array) {
      return array.reshape(array.length());
    }
  }
}
