package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.schedules.Schedule;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** docs/families.md has every schedule of other libraries, with its keywords and its curve. */
class DrawFamiliesTest {

  private static final Path DOCS = Path.of("../docs");

  @TempDir Path folder;

  /** Those of other libraries have the library's name before a dot. */
  private static List<String> types() {
    // An example of the pages, which may have run before, registers one that is "mine".
    return Schedule.types().stream()
        .filter(type -> type.contains(".") && !type.startsWith("mine."))
        .sorted()
        .toList();
  }

  @Test
  void drawsEveryType() throws IOException {
    DrawFamilies.main(new String[] {folder.toString()});

    assertThat(types()).hasSize(83);
    List<String> pictures = types().stream().map(type -> type + ".png").toList();
    for (Path drawn : List.of(folder, DOCS.resolve("families"))) {
      try (var files = Files.list(drawn)) {
        assertThat(files.map(file -> file.getFileName().toString()).sorted().toList())
            .as("pictures in %s, which DrawFamilies draws", drawn)
            .isEqualTo(pictures);
      }
    }
    for (String picture : pictures) {
      BufferedImage curve = ImageIO.read(DOCS.resolve("families/" + picture).toFile());
      assertThat(curve.getWidth()).isEqualTo(320);
      assertThat(columns(curve)).as("columns that %s's curve touches", picture).isGreaterThan(250);
    }
  }

  @Test
  void thePageHasEveryTypeAndItsKeywords() throws IOException {
    String page = Files.readString(DOCS.resolve("families.md"));
    List<String> missing = new ArrayList<>();
    for (String type : types()) {
      String begin =
          "| <img src=\"families/%s.png\" width=\"160\" alt=\"\"> | `%<s` |".formatted(type);
      int row = page.indexOf(begin);
      assertThat(row).as("the row that begins with %s", begin).isNotNegative();
      String section = page.substring(page.lastIndexOf("\n## ", row), row);
      String text =
          section.substring(0, section.indexOf("\n|")) + page.substring(row).split("\n")[0];
      Map<String, Object> keywords = DrawFamilies.KEYWORDS.get(type);
      Schedule schedule = Schedule.fromMap(keywords);
      List<String> keys = new ArrayList<>(keywords.keySet());
      if (schedule.toMap().containsValue(type)) {
        keys.addAll(schedule.toMap().keySet());
      }
      keys.remove("type");
      keys.remove("type");
      keys.stream()
          .filter(key -> !text.contains('`' + key + '`'))
          .forEach(key -> missing.add(type + ": " + key));
    }
    assertThat(missing).isEmpty();
  }

  private static long columns(BufferedImage image) {
    long columns = 0;
    for (int x = 0; x < image.getWidth(); x++) {
      for (int y = 0; y < image.getHeight(); y++) {
        if (image.getRGB(x, y) >>> 24 != 0) {
          columns++;
          break;
        }
      }
    }
    return columns;
  }
}
