package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.StepLR;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ScheduleType;

class TorchScheduleSerializationTest {

  @ParameterizedTest
  @MethodSource("io.github.dl4jtorch.adapter.TorchScheduleTest#definitions")
  void survivesJsonAndYamlOfBothKindsOfConfiguration(Schedule definition) {
    Nesterovs updater =
        new Nesterovs(
            TorchSchedule.lr(definition, 0.1, ScheduleType.ITERATION).withOffset(3),
            TorchSchedule.momentum(definition, 0.9, ScheduleType.EPOCH));
    MultiLayerConfiguration layers = Nets.layersConfiguration(updater);
    ComputationGraphConfiguration graph = Nets.graphConfiguration(updater);
    assertThat(
            List.of(
                updater(MultiLayerConfiguration.fromJson(layers.toJson())),
                updater(MultiLayerConfiguration.fromYaml(layers.toYaml())),
                updater(ComputationGraphConfiguration.fromJson(graph.toJson())),
                updater(ComputationGraphConfiguration.fromYaml(graph.toYaml()))))
        .allSatisfy(
            copy -> {
              assertThat(copy).isEqualTo(updater).hasSameHashCodeAs(updater);
              assertThat(copy.getLearningRate(10, 0)).isEqualTo(updater.getLearningRate(10, 0));
              assertThat(copy.currentMomentum(0, 10)).isEqualTo(updater.currentMomentum(0, 10));
            });
  }

  private static Nesterovs updater(MultiLayerConfiguration configuration) {
    return (Nesterovs) ((BaseLayer) configuration.getConf(0).getLayer()).getIUpdater();
  }

  private static Nesterovs updater(ComputationGraphConfiguration configuration) {
    return (Nesterovs)
        ((BaseLayer) ((LayerVertex) configuration.getVertices().get("a")).getLayerConf().getLayer())
            .getIUpdater();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          "step_size" : 7  | "step_size" : 0      | StepLR: step_size must be > 0 but was 0
          "gamma" : 0.3    | "gamma" : "x"        | StepLR: "gamma" must be a number but was "x"
          "StepLR"         | "StapLR"             | unknown type "StapLR"; did you mean "StepLR"?
          "initial" : 0.1  | "initial" : -1       | lr must be finite and >= 0 but was -1.0
          "initial" : 0.1  | "initial" : null     | TorchSchedule: "initial" is missing
          "definition"     | "defn"               | TorchSchedule: "definition" is missing
          "unit"           | "units"              | TorchSchedule: "unit" is missing
          "quantity"       | "kind"               | TorchSchedule: "quantity" is missing
          "offset"         | "shift"              | TorchSchedule: "offset" is missing
          """)
  void refusesMalformedJson(String written, String changed, String message) {
    String json =
        Nets.layersConfiguration(
                new Sgd(TorchSchedule.lr(new StepLR(7, 0.3), 0.1, ScheduleType.EPOCH)))
            .toJson();
    assertThat(json).contains(written);
    assertThatThrownBy(() -> MultiLayerConfiguration.fromJson(json.replace(written, changed)))
        .isInstanceOf(RuntimeException.class)
        .hasMessageContaining("problem: " + message);
  }

  @ParameterizedTest
  @MethodSource("io.github.dl4jtorch.adapter.TorchScheduleTest#definitions")
  void survivesJavaSerialization(Schedule definition) throws Exception {
    TorchSchedule schedule = TorchSchedule.lr(definition, 0.1, ScheduleType.EPOCH).withOffset(2);
    double expected = schedule.valueAt(0, 20);
    TorchSchedule copy = serialized(schedule);
    assertThat(copy).isEqualTo(schedule);
    assertThat(copy.valueAt(0, 20)).isEqualTo(expected);
  }

  /** Writes with Java serialization and reads again. */
  @SuppressWarnings({"unchecked", "BanSerializableRead"})
  static <T> T serialized(T object) throws IOException, ClassNotFoundException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(object);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      return (T) in.readObject();
    }
  }
}
