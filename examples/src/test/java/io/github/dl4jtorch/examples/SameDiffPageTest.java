package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The code in docs/samediff.md compiles. */
class SameDiffPageTest {

  @TempDir Path folder;

  @Test
  void itsCodeCompiles() throws Exception {
    Matcher matcher =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of("..", "docs", "samediff.md")));
    int snippets = 0;
    while (matcher.find()) {
      snippets++;
      assertThat(
              new Snippets(folder)
                  .compile(
                      "Page" + snippets,
                      "org.nd4j.autodiff.samediff.SameDiff sd, DataSetIterator training,"
                          + " DataSetIterator validation",
                      matcher.group(1)))
          .isEmpty();
    }
    assertThat(snippets).isEqualTo(5);
  }
}
