package io.github.dl4jtorch.examples.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The page on Spark says what is so. */
class DocumentationTest {

  private static final Path SOURCES = Path.of("src/main/java/io/github/dl4jtorch/examples/spark");

  @Test
  void theCodeOfThePageIsThatOfTheExample() throws IOException {
    List<String> sources;
    try (Stream<Path> files = Files.list(SOURCES)) {
      sources = files.map(DocumentationTest::words).toList();
    }
    List<String> snippets =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(page())
            .results()
            .map(result -> words(result.group(1)))
            .toList();
    assertThat(snippets)
        .hasSize(5)
        .allSatisfy(snippet -> assertThat(sources).anyMatch(source -> source.contains(snippet)));
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

  private static String words(Path source) {
    try {
      return words(Files.readString(source));
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  private static String words(String text) {
    return text.strip().replaceAll("\\s+", " ");
  }
}
