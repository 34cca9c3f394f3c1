package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.dl4jtorch.adapter.Doctor;
import io.github.dl4jtorch.adapter.EpochLoop;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.fixtures.LogLines;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

/** Makes the ten mistakes of porting, and reads what the page says that one reads. */
class PortingMistakesTest {

  private static final Path PAGE = Path.of("../docs/mistakes-noticed.md");

  /** A row: who speaks, and how it begins. */
  private static final Pattern ROW =
      Pattern.compile("\\| (doctor: )?`([^`]*)`( \\(refused\\))? \\| [^|]* \\| [^|]* \\|$");

  /** A mistake: its row begins with what the script has, and it returns what is said of it. */
  private record Mistake(String script, Said said) {
    @Override
    public String toString() {
      return script;
    }
  }

  @FunctionalInterface
  private interface Said {
    List<String> make() throws Exception;
  }

  static Stream<Mistake> mistakes() {
    return Stream.of(
        new Mistake(
            "`AdamW(.., lr=1e-3)`",
            () -> warnings(Nets.layers(new TorchAdamW(1e-3)), net -> net.fit(Nets.epoch(2), 1))),
        new Mistake(
            "`SGD(.., weight_decay=1e-4)`",
            () ->
                findings(
                    Doctor.of(
                        Nets.init(
                            Nets.settings(new Sgd(0.1))
                                .weightDecay(1e-4)
                                .list(Nets.dense(Nets.INPUTS, 3), Nets.output(3))
                                .build())))),
        new Mistake(
            "`OneCycleLR(.., total_steps=epochs * batches)`",
            () ->
                warnings(
                    Nets.layers(new Sgd(0.1)),
                    net ->
                        EpochLoop.of(net, SchedulerListener.everyEpoch(run(net, 40)))
                            .fit(4, () -> Nets.fit(net, Nets.data(10))))),
        new Mistake(
            "`OneCycleLR(.., total_steps=epochs)`",
            () -> {
              MultiLayerNetwork net = Nets.layers(new Sgd(0.1));
              net.addListeners(SchedulerListener.everyIteration(run(net, 4)));
              return refusal(() -> net.fit(Nets.epoch(10), 4));
            }),
        new Mistake(
            "`CosineAnnealingLR(.., T_max=30)`",
            () ->
                findings(
                    Doctor.of(
                            Nets.net(
                                Nets.settings(
                                    new Sgd(
                                        TorchSchedule.lr(
                                            new CosineAnnealingLR(30),
                                            0.1,
                                            ScheduleType.ITERATION))),
                                Nets.dense(Nets.INPUTS, 3),
                                Nets.output(3)))
                        .trainedOn(Nets.epoch(10), 30))),
        new Mistake(
            "`scheduler.step()`",
            () ->
                warnings(
                    Nets.layers(new Sgd(0.04)),
                    net -> {
                      LRScheduler run = new StepLR(1, 0.5).attach(NetworkParamGroups.of(net));
                      net.addListeners(SchedulerListener.everyIteration(run));
                      for (DataSet batch : Nets.data(3)) {
                        net.fit(batch);
                        run.step();
                      }
                    })),
        new Mistake(
            "`for batch in loader:`",
            () ->
                warnings(
                    Nets.layers(new Sgd(0.04)),
                    net -> {
                      LRScheduler run = new StepLR(30).attach(NetworkParamGroups.of(net));
                      net.addListeners(SchedulerListener.everyEpoch(run));
                      Nets.data(3).forEach(net::fit);
                    })),
        new Mistake(
            "`OneCycleLR` or `CyclicLR` on `Adam`",
            () ->
                warnings(
                    Nets.layers(
                        new Adam(
                            TorchSchedule.lr(
                                OneCycleLR.builder(0.0771).totalSteps(40).build(),
                                0.1,
                                ScheduleType.ITERATION))),
                    net -> net.fit(Nets.epoch(2), 1))),
        new Mistake(
            "`ReduceLROnPlateau`",
            () ->
                refusal(
                    () ->
                        TorchSchedule.lr(
                            ReduceLROnPlateau.builder().build(), 0.1, ScheduleType.EPOCH))),
        new Mistake(
            "`scheduler.load_state_dict(state)`",
            () ->
                warnings(
                    Nets.layers(new Sgd(0.1)),
                    net -> {
                      LRScheduler saved =
                          new ExponentialLR(0.5).attach(ParamGroups.of(ParamGroup.sgd(0.1, 0)));
                      saved.step();
                      new ExponentialLR(0.5)
                          .attach(NetworkParamGroups.of(net))
                          .loadStateDict(saved.stateDict());
                    })));
  }

  private static LRScheduler run(MultiLayerNetwork net, int totalSteps) {
    return OneCycleLR.builder(0.1)
        .totalSteps(totalSteps)
        .cycleMomentum(false)
        .build()
        .attach(NetworkParamGroups.of(net));
  }

  @FunctionalInterface
  private interface Training {
    void run(MultiLayerNetwork net) throws Exception;
  }

  private static List<String> warnings(MultiLayerNetwork net, Training training) throws Exception {
    try (LogLines log = new LogLines()) {
      training.run(net);
      return log.all().stream()
          .map(line -> line.replaceFirst("^(WARN|WARNING) \\S+ - ", ""))
          .toList();
    }
  }

  private static List<String> findings(Doctor doctor) {
    return doctor.examine().stream().map(Object::toString).toList();
  }

  private static List<String> refusal(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable mistake) {
    Throwable refused = catchThrowable(mistake);
    return List.of(refused.getMessage());
  }

  private static List<String> rows() throws IOException {
    String page = Files.readString(PAGE);
    return page.substring(page.indexOf("## Ten that"), page.indexOf("## Others"))
        .lines()
        .filter(line -> line.startsWith("| `"))
        .toList();
  }

  @Test
  void thereAreTen() throws IOException {
    List<String> scripts = mistakes().map(Mistake::script).toList();
    assertThat(scripts).hasSize(10);
    assertThat(rows()).hasSize(10);
    for (int i = 0; i < 10; i++) {
      assertThat(rows().get(i)).startsWith("| " + scripts.get(i));
    }
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void oneReadsWhatThePageSays(Mistake mistake) throws Exception {
    String row =
        rows().stream()
            .filter(line -> line.startsWith("| " + mistake.script))
            .findFirst()
            .orElseThrow();
    Matcher matcher = ROW.matcher(row);
    assertThat(matcher.find()).as(row).isTrue();
    List<String> said = mistake.said.make();
    assertThat(said).hasSize(1);
    assertThat(said.get(0)).startsWith(matcher.group(2));
  }
}
