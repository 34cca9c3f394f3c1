package io.github.dl4jtorch.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The files that PyTorch wrote. */
final class Golden {

  private static final Path FOLDER = Path.of("src/test/resources/handover");

  /** Those that are read; the others are refused. */
  static final List<String> READABLE =
      List.of(
          "cnn_finetune/initial.pt",
          "cnn_finetune/half.pt",
          "cnn_finetune/final.pt",
          "cnn_onecycle/initial.pt",
          "cnn_onecycle/half.pt",
          "cnn_onecycle/final.pt",
          "lstm_plateau/initial.pt",
          "lstm_plateau/half.pt",
          "lstm_plateau/final.pt",
          "resnet_swa/initial.pt",
          "resnet_swa/half.pt",
          "resnet_swa/final.pt",
          "files/kinds.pt",
          "files/kinds_legacy.pt",
          "files/kinds_newer.pt",
          "files/plain.pt",
          "files/tensor.pt",
          "files/values.pt",
          "files/values_protocol4.pt");

  private Golden() {}

  static Path file(String name) {
    return FOLDER.resolve(name);
  }

  /** What the files named {@code kinds} hold, by tensor: dtype, shape, values. */
  static JsonNode kinds() throws IOException {
    return new ObjectMapper().readTree(file("files/kinds.json").toFile());
  }
}
