package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The guide's tables have every name of {@code torch.optim} and of the gradients' clipping, and
 * every class and method that they name is there.
 */
class TorchNamesTest {

  private static final Path PAGE = Path.of("../docs/from-pytorch.md");
  private static final Path NAMES = Path.of("src/test/resources/golden/from-pytorch");
  private static final Pattern SECTION =
      Pattern.compile("(?m)^### (torch\\S+)\n(.*?)(?=^##|\\z)", Pattern.DOTALL | Pattern.MULTILINE);
  private static final Pattern ROW = Pattern.compile("(?m)^\\| `([\\w.]+)` \\| (.*) \\|$");
  private static final Pattern CODE = Pattern.compile("`([A-Z]\\w*)(?:\\.(\\w+))?[^`]*`");

  private static final List<String> PACKAGES =
      List.of(
          "io.github.dl4jtorch.adapter.optim.",
          "io.github.dl4jtorch.adapter.",
          "io.github.dl4jtorch.adapter.step.",
          "io.github.dl4jtorch.adapter.checkpoint.",
          "io.github.dl4jtorch.adapter.watch.",
          "io.github.dl4jtorch.schedules.",
          "io.github.dl4jtorch.swa.",
          "io.github.dl4jtorch.files.",
          "io.github.dl4jtorch.handover.",
          "org.deeplearning4j.optimize.api.",
          "org.deeplearning4j.nn.api.");

  private static Map<String, String> rows() throws IOException {
    Map<String, String> rows = new LinkedHashMap<>();
    Matcher section = SECTION.matcher(Files.readString(PAGE));
    while (section.find()) {
      Matcher row = ROW.matcher(section.group(2));
      while (row.find()) {
        assertThat(rows.put(section.group(1) + "." + row.group(1), row.group(2))).isNull();
      }
    }
    return rows;
  }

  @Test
  void theTablesHaveEveryName() throws IOException {
    List<String> names = new ArrayList<>(Files.readAllLines(NAMES.resolve("names-1.13.txt")));
    names.addAll(Files.readAllLines(NAMES.resolve("names-newer.txt")));
    assertThat(rows().keySet()).containsExactlyInAnyOrderElementsOf(names);
    assertThat(names).hasSizeGreaterThan(50);
  }

  @Test
  void everyTwinIsThere() throws IOException {
    int twins = 0;
    for (Map.Entry<String, String> row : rows().entrySet()) {
      String twin = row.getValue();
      if (twin.startsWith("none: ")) {
        assertThat(twin)
            .as(row.getKey())
            .satisfiesAnyOf(
                reason -> assertThat(reason).hasSizeGreaterThan(25),
                reason -> assertThat(reason).isEqualTo("none: the same"));
      } else {
        assertThat(twin).as(row.getKey()).startsWith("`");
        twins++;
      }
      Matcher code = CODE.matcher(twin);
      while (code.find()) {
        requireThere(row.getKey(), code.group(1), code.group(2));
      }
    }
    assertThat(twins).isGreaterThan(40);
  }

  private static void requireThere(String name, String type, String member) {
    List<Class<?>> found = PACKAGES.stream().flatMap(where -> load(where + type)).toList();
    assertThat(found).as("the class %s, which the row of %s names", type, name).isNotEmpty();
    if (member != null) {
      assertThat(found)
          .as("%s.%s, which the row of %s names", type, member, name)
          .anyMatch(
              kind ->
                  Stream.concat(
                          Arrays.stream(kind.getMethods()).map(method -> method.getName()),
                          Arrays.stream(kind.getFields()).map(field -> field.getName()))
                      .anyMatch(member::equals));
    }
  }

  private static Stream<Class<?>> load(String name) {
    try {
      return Stream.of(Class.forName(name));
    } catch (ClassNotFoundException absent) {
      return Stream.empty();
    }
  }
}
