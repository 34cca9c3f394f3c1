package io.github.dl4jtorch.swa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.fixtures.Nets;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** The average in the network's place, and the network's own parameters back. */
class DuringTest {

  private static final List<DataSet> BATCHES = Nets.data(3, 6);

  @TempDir private Path folder;

  private static DataSetIterator batches() {
    return new ExistingDataSetIterator(BATCHES);
  }

  /** A network in training with an average. */
  private static final class Training<N extends Model & NeuralNetwork> {
    final N net;
    final AveragedModel<N> average;

    Training(N net) {
      this.net = net;
      average = AveragedModel.of(net, Averaging.equal());
      for (int i = 0; i < 3; i++) {
        Nets.fit(net, BATCHES);
        average.updateParameters(net);
      }
      Nets.fit(net, BATCHES);
    }

    double[] updaterState() {
      return net instanceof ComputationGraph graph
          ? graph.updaterState().toDoubleVector()
          : ((MultiLayerNetwork) net).updaterState().toDoubleVector();
    }

    void assertExchangesAndGivesBack() {
      double[] raw = Nets.params(net);
      double[] averaged = Nets.params(average.network());
      double[] state = updaterState();
      long random = Nd4j.getRandom().rootState();
      assertThat(raw).isNotEqualTo(averaged);
      double[] seen =
          average.during(
              () -> {
                Nd4j.rand(2, 2);
                Nd4j.getRandom().setSeed(5);
                return Nets.params(net);
              });
      assertThat(seen).isEqualTo(averaged);
      assertThat(Nets.params(net)).isEqualTo(raw);
      assertThat(Nets.params(average.network())).isEqualTo(averaged);
      assertThat(updaterState()).isEqualTo(state);
      assertThat(Nd4j.getRandom().rootState()).isEqualTo(random);
    }
  }

  private static Training<MultiLayerNetwork> training() {
    return new Training<>(Nets.layers(true));
  }

  @Test
  void exchangesBothKindsInBothTypes() {
    training().assertExchangesAndGivesBack();
    new Training<>(Nets.layers(false)).assertExchangesAndGivesBack();
    new Training<>(Nets.graph(true)).assertExchangesAndGivesBack();
    new Training<>(
            Nets.net(
                Nets.settings(new Adam(0.05)).dataType(DataType.FLOAT),
                Nets.dense(3, 4),
                Nets.norm(4, true),
                Nets.output(4)))
        .assertExchangesAndGivesBack();
  }

  /** Beyond one piece, with a last one that is shorter. */
  @Test
  void exchangesManyParameters() {
    MultiLayerNetwork net = Nets.net(Nets.dense(3, 700_000), Nets.output(700_000));
    AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.5));
    average.updateParameters(net);
    double[] averaged = Nets.params(average.network());
    net.params().muli(-3);
    double[] raw = Nets.params(net);
    assertThat(average.during(() -> Nets.params(net))).isEqualTo(averaged);
    assertThat(Nets.params(net)).isEqualTo(raw);
    assertThat(Nets.params(average.network())).isEqualTo(averaged);
  }

  /** What is evaluated is what the averaged network says, in a listener as well. */
  @Test
  void evaluatesTheAverage() {
    Training<MultiLayerNetwork> training = training();
    double expected =
        training.average.network().evaluateRegression(batches()).averageMeanSquaredError();
    double raw = training.net.evaluateRegression(batches()).averageMeanSquaredError();
    assertThat(
            training.average.during(
                () -> training.net.evaluateRegression(batches()).averageMeanSquaredError()))
        .isEqualTo(expected)
        .isNotEqualTo(raw);
  }

  /** A training with a look at the average after each iteration is the same as one without. */
  @Test
  void trainingDoesNotNotice() {
    Training<MultiLayerNetwork> looking = training();
    Training<MultiLayerNetwork> plain = training();
    looking.net.addListeners(
        AveragingListener.everyIteration(looking.net, looking.average),
        new BaseTrainingListener() {
          @Override
          public void iterationDone(Model model, int iteration, int epoch) {
            looking.average.during(() -> looking.net.evaluateRegression(batches()));
          }
        });
    plain.net.addListeners(AveragingListener.everyIteration(plain.net, plain.average));
    looking.net.fit(batches(), 2);
    plain.net.fit(batches(), 2);
    assertThat(Nets.params(looking.net)).isEqualTo(Nets.params(plain.net));
    assertThat(Nets.params(looking.average.network()))
        .isEqualTo(Nets.params(plain.average.network()));
  }

  /** update_bn within computes the statistics of the average, which keeps them. */
  @Test
  void updateBnWithinIsTheAverages() {
    Training<MultiLayerNetwork> training = training();
    Training<MultiLayerNetwork> outside = training();
    double[] raw = Nets.params(training.net);
    training.average.during(
        () -> {
          new UpdateBn().run(training.net, batches());
          return null;
        });
    new UpdateBn().run(outside.average.network(), batches());
    assertThat(Nets.params(training.average.network()))
        .isEqualTo(Nets.params(outside.average.network()));
    assertThat(Nets.params(training.net)).isEqualTo(raw);
  }

  @Test
  void givesBackWhateverIsThrown() {
    Training<MultiLayerNetwork> training = training();
    double[] raw = Nets.params(training.net);
    double[] averaged = Nets.params(training.average.network());
    for (Throwable thrown :
        List.of(new IOException("checked"), new IllegalStateException(), new OutOfMemoryError())) {
      assertThatThrownBy(
              () ->
                  training.average.during(
                      () -> {
                        if (thrown instanceof Error error) {
                          throw error;
                        }
                        throw (Exception) thrown;
                      }))
          .isSameAs(thrown);
      assertThat(Nets.params(training.net)).isEqualTo(raw);
      assertThat(Nets.params(training.average.network())).isEqualTo(averaged);
    }
  }

  @Test
  void refusesWhatWouldTakeOneForTheOther() {
    Training<MultiLayerNetwork> training = training();
    AveragedModel<MultiLayerNetwork> average = training.average;
    var state = average.stateDict();
    var params = average.network().params();
    refusedWithin(average, () -> average.during(() -> null), "exchanged again");
    refusedWithin(average, () -> average.updateParameters(training.net), "updated");
    refusedWithin(average, average::restart, "restarted");
    refusedWithin(average, average::network, "looked at");
    refusedWithin(average, average::lastModels, "looked at");
    refusedWithin(average, () -> average.loadStateDict(state, params), "restored");
    refusedWithin(
        average,
        () ->
            CheckpointWriter.of(training.net)
                .with("average", AverageCheckpoint.of(average))
                .save(folder.resolve("training.zip")),
        "looked at");
    assertThat(folder).isEmptyDirectory();
  }

  private static void refusedWithin(
      AveragedModel<MultiLayerNetwork> average, ThrowingCallable call, String what) {
    double[] before = Nets.params(average.network());
    average.during(
        () -> {
          assertThatThrownBy(call)
              .isInstanceOf(IllegalStateException.class)
              .hasMessage(
                  "the average must not be "
                      + what
                      + " within average.during(..), where the network in training has its"
                      + " parameters");
          return null;
        });
    assertThat(Nets.params(average.network())).isEqualTo(before);
  }

  @Test
  void refusesAnEmptyAverage() {
    AveragedModel<MultiLayerNetwork> average =
        AveragedModel.of(Nets.layers(true), Averaging.equal());
    assertThatThrownBy(() -> average.during(() -> null))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the average must hold a model before it takes the network's place, but nothing has been"
                + " averaged yet");
  }

  /** With the listener nothing has moved. */
  @Test
  void refusesTrainingWithin() {
    Training<MultiLayerNetwork> training = training();
    training.net.addListeners(AveragingListener.everyEpoch(training.net, training.average));
    double[] raw = Nets.params(training.net);
    double[] averaged = Nets.params(training.average.network());
    double[] state = training.updaterState();
    for (ThrowingCallable fit :
        List.<ThrowingCallable>of(
            () -> training.net.fit(batches()), () -> training.net.fit(BATCHES.get(0)))) {
      assertThatThrownBy(
              () ->
                  training.average.during(
                      () -> {
                        try {
                          fit.call();
                        } catch (RuntimeException | Error refused) {
                          throw refused;
                        } catch (Throwable other) {
                          throw new AssertionError(other);
                        }
                        return null;
                      }))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(
              "the network must not be trained within average.during(..), where it has the averaged"
                  + " parameters");
      assertThat(Nets.params(training.net)).isEqualTo(raw);
      assertThat(Nets.params(training.average.network())).isEqualTo(averaged);
      assertThat(training.updaterState()).isEqualTo(state);
    }
  }

  @Test
  void findsOutTrainingWithin() {
    Training<MultiLayerNetwork> training = training();
    double[] raw = Nets.params(training.net);
    assertThatThrownBy(
            () ->
                training.average.during(
                    () -> {
                      Nets.fit(training.net, BATCHES);
                      return null;
                    }))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the network must not be trained within average.during(..), but made 3 iterations there:"
                + " it has its parameters from before again, and the average and the updaters are as"
                + " that training left them; go on from a checkpoint");
    assertThat(Nets.params(training.net)).isEqualTo(raw);
  }

  /** An average that was restored knows the network that it was made of. */
  @Test
  void worksBeforeTheFirstUpdateOfARestoredAverage() {
    Training<MultiLayerNetwork> training = training();
    AveragedModel<MultiLayerNetwork> restored = AveragedModel.of(training.net, Averaging.equal());
    restored.loadStateDict(training.average.stateDict(), training.average.network().params());
    assertThat(restored.during(() -> Nets.params(training.net)))
        .isEqualTo(Nets.params(training.average.network()));
  }
}
