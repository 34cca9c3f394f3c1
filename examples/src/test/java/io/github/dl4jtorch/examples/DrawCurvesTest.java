package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.schedules.Schedule;
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
  void drawsEveryType() throws IOException {
    DrawCurves.main(new String[] {folder.toString()});

    assertThat(names(folder))
        .as("pictures of the definitions in DrawCurves.SCHEDULES, one of every type")
        .containsExactlyInAnyOrderElementsOf(
            Schedule.types().stream()
                .filter(type -> !type.contains(".")) // DrawFamiliesTest sees to those.
                .map(type -> type + ".png")
                .toList());
    assertThat(names(Path.of("../docs/curves")))
        .as(
            "pictures in docs/curves, as ./mvnw -q compile exec:java"
                + " -Dexec.mainClass=io.github.dl4jtorch.examples.DrawCurves draws them")
        .isEqualTo(names(folder));
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }
}
