package io.github.dl4jtorch.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The page on Spark and the Javadoc say what is so. */
class DocumentationTest {

  private static final Path MAIN = Path.of("src/main/java");
  private static final Path TEST = Path.of("src/test/java");

  @Test
  void theCodeThatIsShownCompiles() throws IOException {
    List<String> sources = read(TEST).stream().map(DocumentationTest::words).toList();
    List<String> shown =
        new ArrayList<>(code(Pattern.compile("```java\n(.*?)```", Pattern.DOTALL), page()));
    assertThat(shown).hasSize(5);
    Pattern javadoc = Pattern.compile("<pre>\\{@code\n(.*?)\n *\\* \\}</pre>", Pattern.DOTALL);
    for (String source : read(MAIN)) {
      shown.addAll(code(javadoc, source));
    }
    assertThat(shown)
        .hasSize(8)
        .allSatisfy(snippet -> assertThat(sources).anyMatch(source -> source.contains(snippet)));
  }

  private static List<String> code(Pattern pattern, String text) {
    return pattern
        .matcher(text)
        .results()
        .map(result -> words(result.group(1).replaceAll("(?m)^ \\* ?", "")))
        .toList();
  }

  @Test
  void thePageNamesEachPackageThatTheFlagsOpen() throws IOException {
    String page = page();
    assertThat(Arrays.stream(System.getProperty("executor.jvmFlags").split("[ =]")))
        .filteredOn(word -> word.startsWith("java.base/"))
        .hasSize(7)
        .allSatisfy(opened -> assertThat(page).contains(opened));
  }

  private static String page() throws IOException {
    return Files.readString(Path.of("../docs/spark.md"));
  }

  private static List<String> read(Path folder) throws IOException {
    List<String> texts = new ArrayList<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
        texts.add(Files.readString(file));
      }
    }
    return texts;
  }

  /** Without the lines, which the formatter sets otherwise. */
  private static String words(String text) {
    return text.replaceAll("\\s+", "");
  }
}
