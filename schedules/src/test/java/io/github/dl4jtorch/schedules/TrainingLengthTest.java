package io.github.dl4jtorch.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.schedules.families.Composer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Lengths as texts, and what they are in steps. */
class TrainingLengthTest {

  @ParameterizedTest
  @CsvSource({
    "10ep, 10, EP, 10ep",
    "500ba, 500, BA, 500ba",
    "0.1dur, 0.1, DUR, 0.1dur",
    "4096 sp, 4096, SP, 4096sp",
    "1e6tok, 1e6, TOK, 1000000tok",
    "2.ep, 2, EP, 2ep",
  })
  void readsALength(String text, double value, Length.Unit unit, String written) {
    Length length = Length.of(text);
    assertThat(length).isEqualTo(new Length(value, unit)).hasToString(written);
    assertThat(Length.of(length.toString())).isEqualTo(length);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "10", "ep", "-1ep", "1 epoch", "0,1dur", "1e999ba", "NaNba", "10epba"})
  void refusesWhatIsNoLength(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Length.of("warmup", text))
        .withMessage(
            "warmup must be a number and ep, ba, sp, tok or dur, like \"0.1dur\", but was \""
                + text
                + '"');
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Length.of(text))
        .withMessageStartingWith("length must be a number and ep, ");
  }

  @ParameterizedTest
  @CsvSource({
    // duration, ratio, length, batches
    "10ep, 1, 0.1dur, 500",
    "10ep, 1, 3ep, 1500",
    "10ep, 1, 1.5ep, 750",
    "10ep, 1, 70ba, 70",
    "5000ba, 1, 0.1dur, 500",
    "5000ba, 1, 3ep, 1500",
    "3ep, 1, 0.0333dur, 49",
    // Half as long: a share is of what is left, all else is cut in half.
    "10ep, 0.5, 0.1dur, 250",
    "10ep, 0.5, 3ep, 750",
    "10ep, 0.5, 75ba, 37",
    "9ep, 0.5, 1dur, 2000",
    "5000ba, 2.5, 1dur, 12500",
    "10ep, 0.5, 1ba, 0",
  })
  void countsBatches(String duration, double ratio, String length, int steps) {
    TrainingLength training = TrainingLength.of(duration, 500).scaledTo(ratio);
    assertThat(training.steps(length)).isEqualTo(steps);
    assertThat(training.steps(Length.of(length))).isEqualTo(steps);
  }

  @Test
  void tellsItsBatchesWhateverItsStepsAre() {
    for (String duration : List.of("10ep", "75ba")) {
      TrainingLength length = TrainingLength.of(duration, 7);
      int batches = duration.equals("10ep") ? 70 : 75;
      assertThat(length.batches()).isEqualTo(batches);
      assertThat(length.inEpochs().batches()).isEqualTo(batches);
      assertThat(length.inEpochs().batchesPerEpoch()).isEqualTo(7);
    }
    assertThat(TrainingLength.of("10ep", 7).scaledTo(0.55).batches()).isEqualTo(35);
    assertThatThrownBy(() -> TrainingLength.of("1000000ep", 1_000_000).batches())
        .isExactlyInstanceOf(IllegalArgumentException.class)
        .hasMessage("length must be at most 2147483647 steps but was 1dur");
  }

  @Test
  void countsEpochs() {
    TrainingLength epochs = TrainingLength.of("10ep", 500).inEpochs();
    assertThat(epochs.steps("0.5dur")).isEqualTo(5);
    assertThat(epochs.steps("3ep")).isEqualTo(3);
    assertThat(epochs.scaledTo(0.5).steps("3ep")).isEqualTo(1);
    assertThat(TrainingLength.of("5000ba", 500).inEpochs().steps("0.3dur")).isEqualTo(3);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> epochs.steps("500ba"))
        .withMessage("length must be in ep or dur, as the schedule goes by epochs, but was 500ba");
    assertThat(epochs).hasToString("10ep of 500 batches an epoch, in epochs");
  }

  @Test
  void refusesWhatIsOutOfRange() {
    TrainingLength training = TrainingLength.of("10ep", 500);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.steps("30tok"))
        .withMessage("length must be in ep, ba or dur but was 30tok");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.steps("1e8ep"))
        .withMessage("length must be at most 2147483647 steps but was 100000000ep");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TrainingLength.of("0.5dur", 500))
        .withMessage("duration must be >= 1 and in ep or ba but was \"0.5dur\"");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TrainingLength.of("0ep", 500))
        .withMessage("duration must be >= 1 and in ep or ba but was \"0ep\"");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TrainingLength.of("10ep", 0))
        .withMessage("batchesPerEpoch must be > 0 but was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.scaledTo(0))
        .withMessage("ratio must be finite and > 0 but was 0.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.scaledTo(0.05))
        .withMessage("ratio must be such that >= 1ep are left of 10ep but was 0.05");
  }

  /** A schedule as a function of the training gives the rates of Composer's, stretched or not. */
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {20261121L, 3L})
  void stretchesAsComposerDoes(long seed) {
    System.out.printf("TrainingLengthTest: 300 trainings from seed %s%n", seed);
    Random random = new Random(seed);
    for (int i = 0; i < 300; i++) {
      int epochs = 2 + random.nextInt(6);
      int batches = 3 + random.nextInt(9);
      double ratio = random.nextBoolean() ? 0.5 + random.nextDouble() : 1;
      List<String> milestones = new ArrayList<>();
      for (int j = 0; j < 3; j++) {
        milestones.add(
            switch (random.nextInt(3)) {
              case 0 -> (random.nextInt(100) / 100.0) + "dur";
              case 1 -> random.nextInt(epochs) + "ep";
              default -> random.nextInt(epochs * batches) + "ba";
            });
      }
      TrainingLength training = TrainingLength.of(epochs + "ep", batches).scaledTo(ratio);
      Schedule composers =
          Composer.scheduler(
              "MultiStepScheduler",
              Map.of(
                  "milestones",
                  milestones,
                  "gamma",
                  0.5,
                  "max_duration",
                  (int) (epochs * ratio) + "ep",
                  "dataloader_len",
                  batches,
                  "scale_schedule_ratio",
                  ratio));
      Schedule here =
          Schedule.fromMap(
              Map.of("type", "MultiStepLR", "milestones", milestones, "gamma", 0.5), training);
      assertThat(rates(here, training.steps("1dur")))
          .as("seed %s: %s of %s, %s times", seed, milestones, training, ratio)
          .isEqualTo(rates(composers, training.steps("1dur")));
    }
  }

  private static List<Double> rates(Schedule schedule, int steps) {
    ParamGroups groups = ParamGroups.of(ParamGroup.sgd(1.0, 0.9));
    LRScheduler run = schedule.attach(groups);
    List<Double> rates = new ArrayList<>();
    for (int step = 0; step < steps; step++) {
      rates.add(groups.get(0).lr());
      run.step();
    }
    return rates;
  }

  @Test
  void readsLengthsInTheMapOfADefinition() {
    TrainingLength training = TrainingLength.of("10ep", 500);
    Map<String, Object> cosine = Map.of("type", "CosineAnnealingLR", "T_max", "0.9dur");
    Map<String, Object> warmedUp =
        Map.of("type", "WarmedUp", "schedule", cosine, "steps", "0.1dur", "start_factor", 0.01);
    Schedule read = Schedule.fromMap(warmedUp, training);
    assertThat(read)
        .isEqualTo(new CosineAnnealingLR(4500).warmedUp(500, WarmedUp.Kind.LINEAR, 0.01));
    assertThat(Schedule.fromMap(read.toMap())).isEqualTo(read);
    assertThat(Schedule.fromMap(warmedUp, training.scaledTo(0.5)))
        .isEqualTo(new CosineAnnealingLR(2250).warmedUp(250, WarmedUp.Kind.LINEAR, 0.01));
    assertThat(
            Schedule.fromMap(
                Map.of(
                    "type",
                    "SequentialLR",
                    "schedulers",
                    List.of(Map.of("type", "LinearLR", "total_iters", "1ep"), cosine),
                    "milestones",
                    List.of("1ep")),
                training))
        .isEqualTo(
            new SequentialLR(
                List.of(new LinearLR(1.0 / 3, 1.0, 500), new CosineAnnealingLR(4500)), 500));
  }

  @Test
  void readsLengthsOfSchedulesByEpochsInEpochs() {
    TrainingLength training = TrainingLength.of("90ep", 500);
    Map<String, Object> step = Map.of("type", "StepLR", "step_size", "30ep");
    assertThat(
            Schedule.fromMap(
                Map.of("type", "PerIteration", "schedule", step, "iterations_per_epoch", "1ep"),
                training))
        .isEqualTo(new StepLR(30).perIteration(500));
    assertThat(
            Schedule.fromMap(
                Map.of(
                    "type",
                    "WarmupLR",
                    "after",
                    step,
                    "iterations_per_epoch",
                    "1ep",
                    "warmup_iterations",
                    "3ep",
                    "warmup_lr",
                    0),
                training))
        .isEqualTo(
            WarmupLR.builder(new StepLR(30))
                .iterationsPerEpoch(500)
                .warmupIterations(1500)
                .build());
    assertThatThrownBy(
            () ->
                Schedule.fromMap(
                    Map.of(
                        "type",
                        "PerIteration",
                        "schedule",
                        Map.of("type", "StepLR", "step_size", "30ba"),
                        "iterations_per_epoch",
                        500),
                    training))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(
            "StepLR: step_size must be in ep or dur, as the schedule goes by epochs, but was 30ba");
  }

  @Test
  void refusesLengthsWhereTheyCannotBe() {
    Map<String, Object> step = Map.of("type", "StepLR", "step_size", "30ep");
    assertThatThrownBy(() -> Schedule.fromMap(step))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage("StepLR: \"step_size\" must be a whole number but was \"30ep\"");
    TrainingLength training = TrainingLength.of("90ep", 500);
    assertThatThrownBy(
            () -> Schedule.fromMap(Map.of("type", "StepLR", "step_size", "30 epochs"), training))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage(
            "StepLR: step_size must be a number and ep, ba, sp, tok or dur, like \"0.1dur\", but"
                + " was \"30 epochs\"");
    assertThatThrownBy(
            () -> Schedule.fromMap(Map.of("type", "StepLR", "step_size", "0.5ba"), training))
        .isInstanceOf(MalformedDataException.class)
        .hasMessage("StepLR: step_size must be > 0 but was 0");
  }
}
