package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Notes every update of every network that it is called for: the root and the copies of it. */
final class Workers extends BaseTrainingListener {

  /** What a block of parameters was to be updated by. */
  record Values(double lr, double momentum) {}

  interface Expected {
    Values at(int block, int iteration, int epoch);
  }

  /** One block in one update. */
  record Part(INDArray gradient, INDArray step, INDArray state, INDArray stateAfter) {}

  /** One update of one network. */
  record Update(int iteration, int epoch, List<Part> parts) {}

  private record Before(INDArray gradient, INDArray params, INDArray state) {}

  private final Model root;
  private final IdentityHashMap<Model, Before> before = new IdentityHashMap<>();
  private final IdentityHashMap<Model, List<Update>> ofModel = new IdentityHashMap<>();
  // In the order of their first update.
  private final List<List<Update>> copies = new ArrayList<>();

  Workers(Model root) {
    this.root = root;
  }

  @Override
  public synchronized void onGradientCalculation(Model model) {
    before.put(
        model,
        new Before(
            model.getGradientsViewArray().reshape(-1).dup(),
            model.params().reshape(-1).dup(),
            state(model)));
  }

  @Override
  public synchronized void iterationDone(Model model, int iteration, int epoch) {
    Before was = before.remove(model);
    INDArray step = was.params.sub(model.params().reshape(-1));
    INDArray state = state(model);
    List<Part> parts = new ArrayList<>();
    for (UpdaterBlock block : updater(model).getUpdaterBlocks()) {
      int from = block.getParamOffsetStart();
      int to = block.getParamOffsetEnd();
      int stateFrom = block.getUpdaterViewOffsetStart();
      int stateTo = block.getUpdaterViewOffsetEnd();
      parts.add(
          new Part(
              part(was.gradient, from, to),
              part(step, from, to),
              part(was.state, stateFrom, stateTo),
              part(state, stateFrom, stateTo)));
    }
    ofModel
        .computeIfAbsent(
            model,
            key -> {
              List<Update> updates = new ArrayList<>();
              if (model != root) {
                copies.add(updates);
              }
              return updates;
            })
        .add(new Update(iteration, epoch, parts));
  }

  private static BaseMultiLayerUpdater<?> updater(Model model) {
    return model instanceof MultiLayerNetwork layers
        ? (BaseMultiLayerUpdater<?>) layers.getUpdater()
        : ((ComputationGraph) model).getUpdater();
  }

  private static INDArray state(Model model) {
    INDArray state = updater(model).getStateViewArray();
    return state == null ? null : state.reshape(-1).dup();
  }

  private static INDArray part(INDArray array, int from, int to) {
    return array == null || from == to ? null : array.get(NDArrayIndex.interval(from, to)).dup();
  }

  synchronized List<Update> ofRoot() {
    return ofModel.getOrDefault(root, List.of());
  }

  /** Returns the updates of each copy, in the order in which the copies began. */
  synchronized List<List<Update>> ofCopies() {
    return copies;
  }

  /** Checks that Sgd did what it was to do, by how far the parameters moved. */
  static void assertSgd(List<Update> updates, Expected expected) {
    for (Update update : updates) {
      for (int block = 0; block < update.parts.size(); block++) {
        Part part = update.parts.get(block);
        double lr = expected.at(block, update.iteration, update.epoch).lr;
        assertSame(part.step, part.gradient.mul(lr), update);
      }
    }
  }

  /**
   * Checks that Nesterovs did what it was to do: by its velocity, and by how far the parameters
   * moved unless others' gradients did that, too.
   */
  static void assertNesterovs(List<Update> updates, Expected expected, boolean alsoSteps) {
    for (Update update : updates) {
      for (int block = 0; block < update.parts.size(); block++) {
        Part part = update.parts.get(block);
        Values values = expected.at(block, update.iteration, update.epoch);
        INDArray velocity = part.state.mul(values.momentum).sub(part.gradient.mul(values.lr));
        assertSame(part.stateAfter, velocity, update);
        if (alsoSteps) {
          INDArray step = part.state.mul(values.momentum).sub(velocity.mul(1 + values.momentum));
          assertSame(part.step, step, update);
        }
      }
    }
  }

  /** Checks that Adam did what it was to do, by how far the parameters moved. */
  static void assertAdam(List<Update> updates, Expected expected) {
    for (Update update : updates) {
      for (int block = 0; block < update.parts.size(); block++) {
        Part part = update.parts.get(block);
        Values values = expected.at(block, update.iteration, update.epoch);
        double beta1 = values.momentum;
        double beta2 = Adam.DEFAULT_ADAM_BETA2_VAR_DECAY;
        long length = part.gradient.length();
        assertThat(part.state.length()).isEqualTo(2 * length);
        INDArray m = part(part.state, 0, (int) length).mul(beta1).add(part.gradient.mul(1 - beta1));
        INDArray v =
            part(part.state, (int) length, (int) (2 * length))
                .mul(beta2)
                .add(part.gradient.mul(part.gradient).mul(1 - beta2));
        int t = update.iteration + 1;
        double rate = values.lr * Math.sqrt(1 - Math.pow(beta2, t)) / (1 - Math.pow(beta1, t));
        INDArray step = m.mul(rate).div(Transforms.sqrt(v).add(Adam.DEFAULT_ADAM_EPSILON));
        assertSame(part.step, step, update);
      }
    }
  }

  private static void assertSame(INDArray actual, INDArray expected, Update update) {
    assertThat(actual.sub(expected).amaxNumber().doubleValue())
        .as("iteration %d, epoch %d", update.iteration, update.epoch)
        .isLessThan(1e-12);
    assertThat(expected.amaxNumber().doubleValue()).isGreaterThan(1e-6);
  }
}
