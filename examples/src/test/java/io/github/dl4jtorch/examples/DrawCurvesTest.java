package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DrawCurvesTest {

  @TempDir Path folder;

  @Test
  void drawsThePicturesOfTheReadme() throws IOException {
    DrawCurves.main(new String[] {folder.toString()});

    assertThat(names(folder)).hasSize(17).isEqualTo(names(Path.of("../docs/curves")));
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }
}
