package io.github.dl4jtorch.adapter.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.schedules.TrainingLength;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.ToDoubleFunction;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.learning.config.AdaDelta;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** The whole output, by a clock that goes on by some seconds with each iteration. */
class ProgressLineTest {

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
  private long now = 5_000_000_000L;

  /** Stands before the line, lets the time pass, and gives the networks a score to be shown. */
  private final class Passing extends BaseTrainingListener {
    private final double seconds;
    private final ToDoubleFunction<Integer> loss;

    Passing(double seconds, ToDoubleFunction<Integer> loss) {
      this.seconds = seconds;
      this.loss = loss;
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      now += (long) (seconds * TimeUnit.SECONDS.toNanos(1));
      new LiveNetwork(model).setScore(loss.applyAsDouble(iteration));
    }
  }

  private ProgressLine line(
      NeuralNetwork net,
      int total,
      int perEpoch,
      boolean isTerminal,
      Map<String, DoubleSupplier> metrics) {
    return new ProgressLine(
        new LiveNetwork((Model) net), total, perEpoch, metrics, out, isTerminal, () -> now);
  }

  private String output() {
    return bytes.toString(StandardCharsets.UTF_8).replace(System.lineSeparator(), "\n");
  }

  private static MultiLayerNetwork net(double lr) {
    return Nets.layers(new Sgd(TorchSchedule.lr(new StepLR(2, 0.1), lr, ScheduleType.ITERATION)));
  }

  @Test
  void drawsALineOverTheLast() {
    MultiLayerNetwork net = net(0.05);
    double[] accuracy = {0.25};
    net.setListeners(
        new Passing(30, i -> i == 1 ? 1234.5 : 2 - i / 3.0),
        line(net, 4, 2, true, Map.of("accuracy", () -> accuracy[0] *= 2)));
    net.fit(Nets.epoch(2), 2);
    assertThat(output())
        .isEqualTo(
            "\repoch 1/2 [==>       ]  25%  -:-- left  lr 0.05  loss 2"
                + "\repoch 1/2 [=====>    ]  50%  1:00 left  lr 0.05  loss 1230"
                + "\repoch 2/2 [=======>  ]  75%  0:30 left  lr 0.005  loss 1.33  accuracy 0.5"
                + "\repoch 2/2 [==========] 100%  0:00 left  lr 0.005  loss 1  accuracy 0.5   "
                + "\repoch 2/2 [==========] 100%  in 2:00  lr 0.005  loss 1  accuracy 1    \n");
  }

  @Test
  void drawsTenTimesASecondAtMost() {
    MultiLayerNetwork net = net(0.05);
    net.setListeners(new Passing(0.04, i -> i), line(net, 1000, 10, true, Map.of()));
    net.fit(Nets.epoch(8), 1);
    assertThat(output())
        .isEqualTo(
            "\repoch   1/100 [>         ]   0%  -:-- left  lr 0.05  loss 0"
                + "\repoch   1/100 [>         ]   0%  0:40 left  lr 0.005  loss 3"
                + "\repoch   1/100 [>         ]   0%  0:40 left  lr 5.00e-05  loss 6");
  }

  @Test
  void writesALineAnEpochEveryTenSecondsWhereThereIsNoTerminal() {
    MultiLayerNetwork net = net(0.05);
    net.setListeners(
        new Passing(2, i -> i), line(net, 18, 3, false, Map.of("score", () -> -1.0 / 3)));
    net.fit(Nets.epoch(3), 6);
    assertThat(output())
        .isEqualTo(
            """
            epoch 2/6 [===>      ]  33%  0:24 left  lr 5.00e-04  loss 5  score -0.333
            epoch 4/6 [======>   ]  66%  0:12 left  lr 5.00e-07  loss 11  score -0.333
            epoch 6/6 [==========] 100%  in 0:36  lr 5.00e-10  loss 17  score -0.333
            """);
  }

  @Test
  void aShortTrainingWritesOneLineWhereThereIsNoTerminal() {
    ComputationGraph net = Nets.graph(new Sgd(0.1));
    net.setListeners(new Passing(0.01, i -> Double.NaN), line(net, 20, 2, false, Map.of()));
    net.fit(Nets.epoch(2), 10);
    assertThat(output()).isEqualTo("epoch 10/10 [==========] 100%  in 0:00  lr 0.1  loss NaN\n");
  }

  @Test
  void countsTheEpochsOfALoopOverBatches() {
    ComputationGraph net = Nets.graph(new Sgd(0.1));
    net.setListeners(new Passing(7, i -> i), line(net, 6, 2, false, Map.of()));
    Nets.fit(net, Nets.data(6));
    assertThat(output())
        .isEqualTo(
            """
            epoch 1/3 [===>      ]  33%  0:28 left  lr 0.1  loss 1
            epoch 2/3 [======>   ]  66%  0:14 left  lr 0.1  loss 3
            epoch 3/3 [==========] 100%  in 0:42  lr 0.1  loss 5
            """);
  }

  @Test
  void showsTheMetricsOfAnEpochLoop() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    ProgressLine line = line(net, 4, 2, true, Map.of("score", net::getEpochCount));
    net.setListeners(new Passing(1, i -> i), line);
    EpochLoop.of(net, line).fit(2, () -> Nets.fit(net, Nets.data(2)));
    assertThat(output())
        .isEqualTo(
            "\repoch 1/2 [==>       ]  25%  -:-- left  lr 0.1  loss 0"
                + "\repoch 1/2 [=====>    ]  50%  0:02 left  lr 0.1  loss 1"
                + "\repoch 2/2 [=======>  ]  75%  0:01 left  lr 0.1  loss 2  score 0"
                + "\repoch 2/2 [==========] 100%  0:00 left  lr 0.1  loss 3  score 0"
                + "\repoch 2/2 [==========] 100%  in 0:04  lr 0.1  loss 3  score 1  \n");
  }

  @Test
  void beginsAResumedTrainingInItsMiddle() throws Exception {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    net.fit(Nets.epoch(3), 1);
    MultiLayerNetwork restored = Nets.restored(net);
    restored.setListeners(new Passing(2400, i -> 1e6), line(restored, 9, 3, true, Map.of()));
    restored.fit(Nets.epoch(3), 1);
    assertThat(output())
        .isEqualTo(
            "\repoch 2/3 [====>     ]  44%  -:-- left  lr 0.1  loss 1.00e+06"
                + "\repoch 2/3 [=====>    ]  55%  2:40:00 left  lr 0.1  loss 1.00e+06"
                + "\repoch 2/3 [======>   ]  66%  2:00:00 left  lr 0.1  loss 1.00e+06");
  }

  @Test
  void countsIterationsAndShowsTheRangeOfRates() {
    MultiLayerNetwork net =
        Nets.init(
            Nets.settings(new Sgd(0.02))
                .list(
                    Nets.dense(Nets.INPUTS, 4),
                    Nets.dense(4, 4, new Sgd(0.1)),
                    Nets.output(4, new Sgd(0.3)))
                .build());
    net.setListeners(new Passing(1, i -> 0.5), line(net, 10, 0, true, Map.of()));
    Nets.fit(net, Nets.data(2));
    net.setLearningRate(0.02); // With new updaters.
    Nets.fit(net, Nets.data(1));
    assertThat(output())
        .isEqualTo(
            "\riteration  1/10 [=>        ]  10%  -:-- left  lr 0.02..0.3  loss 0.5"
                + "\riteration  2/10 [==>       ]  20%  0:08 left  lr 0.02..0.3  loss 0.5"
                + "\riteration  3/10 [===>      ]  30%  0:07 left  lr 0.02  loss 0.5     ");
  }

  @Test
  void aNetworkWithoutRatesHasNoneShown() {
    MultiLayerNetwork net = Nets.layers(new AdaDelta());
    net.setListeners(new Passing(1, i -> 0.5), line(net, 2, 0, true, Map.of()));
    Nets.fit(net, Nets.data(3));
    assertThat(output())
        .isEqualTo(
            "\riteration 1/2 [=====>    ]  50%  -:-- left  loss 0.5"
                + "\riteration 2/2 [==========] 100%  in 0:02  loss 0.5  \n");
  }

  @Test
  void cutsWhatDoesNotFitBetweenNumbers() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    Map<String, DoubleSupplier> metrics = new LinkedHashMap<>();
    metrics.put("first metric", () -> 123_456);
    metrics.put("second", () -> 2);
    ProgressLine line = line(net, 100, 1, true, metrics);
    net.setListeners(new Passing(1, i -> 0.123), line);
    net.fit(Nets.epoch(1), 1);
    Nets.fit(net, Nets.data(1));
    assertThat(output().substring(output().lastIndexOf('\r')))
        .isEqualTo("\repoch   2/100 [>         ]   2%  1:38 left  lr 0.1  loss 0.123")
        .hasSizeLessThan(80);
  }

  @Test
  void endsTheLineOfATrainingThatIsStopped() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    try (ProgressLine line = line(net, 5, 0, true, Map.of())) {
      net.setListeners(new Passing(1, i -> 0.5), line);
      Nets.fit(net, Nets.data(1));
    }
    Nets.fit(net, Nets.data(1));
    assertThat(output())
        .isEqualTo("\riteration 1/5 [==>       ]  20%  -:-- left  lr 0.1  loss 0.5\n");
    bytes.reset();
    line(net, 5, 0, true, Map.of()).close(); // Nothing stands there.
    assertThat(output()).isEmpty();
  }

  @Test
  void isQuietAboutCopiesAndAfterTheEnd() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    ProgressLine line = line(net, 1, 0, true, Map.of());
    MultiLayerNetwork copy = Nets.layers(new Sgd(0.1));
    copy.setListeners(line);
    copy.fit(Nets.epoch(2), 2);
    assertThat(output()).isEmpty();
    net.setListeners(new Passing(0, i -> 0.5), line);
    Nets.fit(net, Nets.data(2));
    assertThat(output())
        .isEqualTo("\riteration 1/1 [==========] 100%  in 0:00  lr 0.1  loss 0.5\n");
  }

  @Test
  void takesTheLengthOfATraining() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    PrintStream usual = System.err;
    System.setErr(out);
    try {
      net.setListeners(
          ProgressLine.of(net, TrainingLength.of("2ep", 3).inEpochs()).withMetric("two", () -> 2),
          new Passing(0, i -> 0.5));
      net.fit(Nets.epoch(3), 2);
    } finally {
      System.setErr(usual);
    }
    // Tests have no terminal, and this training is not long.
    assertThat(output())
        .containsPattern(
            "^epoch 2/2 \\[==========] 100%  in 0:0\\d  lr 0\\.1  loss [0-9.e+-]+  two 2\n$");
  }

  @Test
  void refusesWhatItCannotDo() {
    MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
    assertThatThrownBy(() -> ProgressLine.ofIterations(net, 0))
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("iterations must be >= 1 but was 0");
    ProgressLine line = ProgressLine.ofIterations(net, 1).withMetric("loss", () -> 1);
    assertThatThrownBy(() -> line.withMetric("loss", () -> 2).close())
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("name must not be given twice but was loss");
    assertThatThrownBy(
            () ->
                ProgressLine.ofIterations(
                        new MultiLayerNetwork(Nets.layersConfiguration(new Sgd(0.1))), 1)
                    .close())
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the network must be initialised before its progress is shown: call net.init()");
  }
}
