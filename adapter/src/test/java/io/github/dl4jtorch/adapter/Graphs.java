package io.github.dl4jtorch.adapter;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.BaseListener;
import org.nd4j.autodiff.listeners.Loss;
import org.nd4j.autodiff.listeners.Operation;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * Small SameDiff graphs in double precision whose gradients are known without them, their data, and
 * what is to be seen of them.
 */
final class Graphs {

  private Graphs() {}

  /**
   * Makes a graph whose loss is linear in variables of rank 2, 1 and 0, so that their gradients
   * depend on the data alone.
   */
  static SameDiff linear(IUpdater updater) {
    SameDiff sd = SameDiff.create();
    SDVariable in = sd.placeHolder("in", DataType.DOUBLE, -1, Nets.INPUTS);
    SDVariable label = sd.placeHolder("label", DataType.DOUBLE, -1, Nets.OUTPUTS);
    SDVariable weights =
        sd.var("w", Nd4j.linspace(DataType.DOUBLE, -0.5, 0.3, 6).reshape(Nets.INPUTS, 2));
    SDVariable bias = sd.var("b", Nd4j.createFromArray(0.25, -0.75));
    SDVariable scalar = sd.var("s", Nd4j.scalar(0.5));
    sd.setLossVariables(
        in.mmul(weights).add(bias).mul(label).sum().add("loss", scalar.mul(3)).name());
    sd.setTrainingConfig(config(updater));
    return sd;
  }

  static TrainingConfig config(IUpdater updater) {
    return new TrainingConfig.Builder()
        .updater(updater)
        .dataSetFeatureMapping("in")
        .dataSetLabelMapping("label")
        .build();
  }

  /** Batches that are iterated in place, so that tests see them one by one. */
  static DataSetIterator epoch(int batches) {
    return new ListDataSetIterator<>(Nets.data(batches), 1);
  }

  static void fit(SameDiff sd, List<DataSet> data) {
    data.forEach(batch -> sd.fit(batch));
  }

  /** Saves a graph with its updater's state and loads it. */
  static SameDiff restored(SameDiff sd) {
    ByteArrayOutputStream saved = new ByteArrayOutputStream();
    sd.save(saved, true);
    return SameDiff.load(new ByteArrayInputStream(saved.toByteArray()), true);
  }

  /** Returns all variables as numbers. */
  static Map<String, double[]> params(SameDiff sd) {
    Map<String, double[]> params = new TreeMap<>();
    for (SDVariable variable : sd.variables()) {
      if (variable.getVariableType() == VariableType.VARIABLE) {
        params.put(variable.name(), numbers(variable.getArr()));
      }
    }
    return params;
  }

  private static double[] numbers(INDArray array) {
    return array.dup('c').reshape(array.length()).toDoubleVector();
  }

  /** Notes what each update of a linear graph was, beside the gradient. */
  static final class Movement extends BaseListener {
    final List<INDArray> gradients = new ArrayList<>();
    final List<INDArray> steps = new ArrayList<>();
    private final Map<String, INDArray> before = new HashMap<>();
    private final SameDiff sd;

    Movement(SameDiff sd) {
      this.sd = sd;
      sd.addListeners(this);
    }

    @Override
    public boolean isActive(Operation operation) {
      return operation == Operation.TRAINING;
    }

    @Override
    public void iterationStart(SameDiff graph, At at, MultiDataSet data, long etlTimeMs) {
      for (String name : List.of("w", "b", "s")) {
        before.put(name, sd.getVariable(name).getArr().dup());
      }
    }

    @Override
    public void iterationDone(SameDiff graph, At at, MultiDataSet data, Loss loss) {
      INDArray in = data.getFeatures(0);
      INDArray label = data.getLabels(0);
      gradients.add(flat(in.transpose().mmul(label), label.sum(0), Nd4j.scalar(3.0)));
      steps.add(flat(moved("w"), moved("b"), moved("s")));
    }

    private INDArray moved(String name) {
      return before.get(name).sub(sd.getVariable(name).getArr());
    }

    private static INDArray flat(INDArray w, INDArray b, INDArray s) {
      return Nd4j.concat(0, w.dup('c').reshape(6), b.reshape(2), s.reshape(1));
    }

    /** Returns how far each update moved the variables, as multiples of the gradients. */
    List<Double> rates() {
      List<Double> rates = new ArrayList<>();
      for (int i = 0; i < steps.size(); i++) {
        INDArray gradient = gradients.get(i);
        double rate =
            steps.get(i).mul(gradient).sumNumber().doubleValue()
                / gradient.mul(gradient).sumNumber().doubleValue();
        double off = steps.get(i).sub(gradient.mul(rate)).norm2Number().doubleValue();
        rates.add(off > 1e-13 * gradient.norm2Number().doubleValue() ? Double.NaN : rate);
      }
      return rates;
    }
  }
}
