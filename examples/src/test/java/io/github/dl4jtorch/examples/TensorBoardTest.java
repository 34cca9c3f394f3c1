package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorBoardTest {

  @TempDir Path folder;

  @Test
  void writesTheCurvesOfATraining() throws IOException {
    Path runs = folder.resolve("new folder");
    TensorBoard.main(new String[] {runs.toString()});
    List<Path> files;
    try (Stream<Path> all = Files.list(runs)) {
      files = all.toList();
    }
    assertThat(files).hasSize(1);
    String bytes = Files.readString(files.get(0), StandardCharsets.ISO_8859_1);
    for (String tag : List.of("lr/body", "lr/head", "momentum/body", "loss/train")) {
      assertThat(count(tag, bytes)).as(tag).isEqualTo(120);
    }
    assertThat(count("gradient/norm", bytes)).isEqualTo(120);
    assertThat(count("score/raw", bytes)).isEqualTo(6);
    assertThat(count("score/average", bytes)).isEqualTo(6);
    assertThat(count("schedule", bytes)).isEqualTo(1);
  }

  private static long count(String tag, String bytes) {
    return Pattern.compile(tag, Pattern.LITERAL).matcher(bytes).results().count();
  }
}
