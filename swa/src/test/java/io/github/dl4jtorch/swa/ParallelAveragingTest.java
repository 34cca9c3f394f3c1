package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.dl4jtorch.fixtures.Nets;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.parallelism.ParallelWrapper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Sgd;

/** With two workers, each of which trains a network of its own. */
@Timeout(value = 120, threadMode = ThreadMode.SEPARATE_THREAD)
class ParallelAveragingTest {

  private final List<DataSet> batches = Nets.data(2, 6);
  private final MultiLayerNetwork net =
      Nets.net(Nets.settings().updater(new Sgd(0.1)), Nets.dense(3, 4), Nets.output(4));
  private final AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());

  private ParallelWrapper wrapper() {
    return new ParallelWrapper.Builder<>(net)
        .workers(2)
        .prefetchBuffer(0)
        .averagingFrequency(1)
        .build();
  }

  /** Notes the parameters with which each worker ends an iteration. */
  private static final class Workers extends BaseTrainingListener {
    final List<double[]> params = new ArrayList<>();

    @Override
    public synchronized void iterationDone(Model model, int iteration, int epoch) {
      params.add(Nets.params(model));
    }

    /** Returns the mean over two workers. */
    double[] mean(int round) {
      double[] mean = params.get(2 * round).clone();
      double[] other = params.get(2 * round + 1);
      for (int i = 0; i < mean.length; i++) {
        mean[i] = (mean[i] + other[i]) / 2;
      }
      return mean;
    }
  }

  @Test
  void averagesTheMeanOfTheWorkersBetweenTwoFits() throws Exception {
    Workers workers = new Workers();
    net.addListeners(workers);
    AveragingListener<MultiLayerNetwork> averaging = AveragingListener.everyEpoch(net, average);
    AveragedModel<MultiLayerNetwork> last = AveragedModel.of(net, Averaging.last(2));
    AveragingListener<MultiLayerNetwork> lasts = AveragingListener.everyEpoch(net, last);
    ParallelWrapper wrapper = wrapper();
    try {
      for (int epoch = 0; epoch < 2; epoch++) {
        wrapper.fit(new ExistingDataSetIterator(batches));
        averaging.stepEpoch();
        lasts.stepEpoch();
        double[] raw = Nets.params(net);
        assertThat(average.during(() -> Nets.params(net)))
            .isEqualTo(Nets.params(average.network()));
        assertThat(Nets.params(net)).isEqualTo(raw);
      }
    } finally {
      wrapper.close();
    }
    assertThat(workers.params).hasSize(4);
    assertThat(workers.params.get(2)).isNotEqualTo(workers.params.get(3));
    assertThat(average.nAveraged()).isEqualTo(2);
    double[] actual = Nets.params(average.network());
    double[] ofLast = Nets.params(last.network());
    double[] first = workers.mean(0);
    double[] second = workers.mean(1);
    for (int i = 0; i < actual.length; i++) {
      assertThat(actual[i]).isCloseTo((first[i] + second[i]) / 2, within(1e-15));
      assertThat(ofLast[i]).isCloseTo((first[i] + second[i]) / 2, within(1e-15));
    }
  }

  @Test
  void refusesToBeCalledByWorkers() {
    net.addListeners(AveragingListener.everyIteration(net, average));
    double[] before = Nets.params(net);
    ParallelWrapper wrapper = wrapper();
    PrintStream usual = System.err;
    try {
      System.setErr(new PrintStream(OutputStream.nullOutputStream(), true, StandardCharsets.UTF_8));
      assertThatThrownBy(() -> wrapper.fit(new ExistingDataSetIterator(batches)))
          .rootCause()
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(
              "ParallelWrapper trains copies of the network, which holds their mean only when fit"
                  + " returns: call the listener's stepEpoch() or average.updateParameters(net)"
                  + " then, and add the listener neither to the network nor to the wrapper");
      Thread.getAllStackTraces().keySet().stream()
          .filter(thread -> thread.getName().startsWith("ParallelWrapper training thread"))
          .forEach(ParallelAveragingTest::join);
    } finally {
      System.setErr(usual);
    }
    assertThat(average.nAveraged()).isZero();
    assertThat(Nets.params(net)).isEqualTo(before);
  }

  /** Waits for what a thread still has to say; one that got no batch waits for it for ever. */
  private static void join(Thread thread) {
    try {
      thread.join(1000);
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
  }
}
