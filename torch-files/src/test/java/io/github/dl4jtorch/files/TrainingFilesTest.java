package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files of trainings, as scripts save them. */
class TrainingFilesTest {

  @ParameterizedTest
  @ValueSource(strings = {"cnn_finetune", "cnn_onecycle", "lstm_plateau", "resnet_swa"})
  void aCheckpointHasWhatTheScriptPutThere(String training) throws IOException {
    Dict half = TorchFile.read(Golden.file(training + "/half.pt"));
    Dict initial = TorchFile.read(Golden.file(training + "/initial.pt"));
    assertThat(half.byName()).containsKeys("epoch", "model", "optimizer", "scheduler");
    assertThat(half.dict("model").type()).isEqualTo(Dict.Type.ORDERED_DICT);
    assertThat(half.dict("model").keySet()).isEqualTo(initial.keySet());
    assertThat(initial.attributes()).containsOnlyKeys("_metadata");
    for (Object name : initial.keySet()) {
      assertThat(half.dict("model").tensor(name).shape()).isEqualTo(initial.tensor(name).shape());
    }
    List<?> groups = (List<?>) half.dict("optimizer").get("param_groups");
    assertThat(((Dict) groups.get(0)).get("lr")).isInstanceOf(Double.class);
    Dict final_ = TorchFile.read(Golden.file(training + "/final.pt"));
    assertThat(final_.dict("model").keySet()).isEqualTo(initial.keySet());
  }

  @Test
  void safetensorsHoldTheSameModel() throws IOException {
    Dict model = TorchFile.read(Golden.file("cnn_onecycle/final.pt")).dict("model");
    Safetensors same = Safetensors.read(Golden.file("cnn_onecycle/final.safetensors"));
    assertThat(same.tensors().keySet())
        .containsExactlyInAnyOrderElementsOf(model.byName().keySet());
    same.tensors()
        .forEach(
            (name, tensor) -> {
              assertThat(tensor.dtype()).isEqualTo(model.tensor(name).dtype());
              assertThat(tensor.shape()).isEqualTo(model.tensor(name).shape());
              assertThat(tensor.asByteBuffer()).isEqualTo(model.tensor(name).asByteBuffer());
            });
  }

  @Test
  void aFunctionIsANameAndNothingMore() throws IOException {
    Dict swalr = TorchFile.read(Golden.file("resnet_swa/half.pt")).dict("swa_scheduler");
    OpaqueName function = (OpaqueName) swalr.get("anneal_func");
    assertThat(function).hasToString("torch.optim.swa_utils.SWALR._cosine_anneal");
    assertThat(function.module()).isEqualTo("torch.optim.swa_utils");
    assertThat(function.name()).isEqualTo("SWALR._cosine_anneal");
    assertThat(swalr.get("_last_lr")).isEqualTo(List.of(0.05));
  }

  @Test
  void aMethodOfASchedulerIsANameTooAndTheSchedulerIsNotSeen() throws IOException {
    Dict oneCycle = TorchFile.read(Golden.file("cnn_onecycle/half.pt")).dict("scheduler");
    assertThat(oneCycle.get("anneal_func"))
        .isInstanceOf(OpaqueName.class)
        .hasToString("torch.optim.lr_scheduler.OneCycleLR._annealing_cos");
    assertThat(oneCycle.get("last_epoch")).isEqualTo(48L);
    assertThat(oneCycle.values())
        .allMatch(
            value ->
                value instanceof Long
                    || value instanceof Double
                    || value instanceof Boolean
                    || value instanceof List<?>
                    || value instanceof Map<?, ?>
                    || value instanceof OpaqueName);
  }
}
