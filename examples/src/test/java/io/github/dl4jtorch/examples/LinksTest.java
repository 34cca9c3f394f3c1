package io.github.dl4jtorch.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every link of the pages leads somewhere, and every page is found from the index. */
class LinksTest {

  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final Pattern CODE = Pattern.compile("```.*?```|`[^`\n]*`", Pattern.DOTALL);
  private static final Pattern LINK =
      Pattern.compile("\\]\\(([^)\\s]+)\\)|(?:src|href)=\"([^\"]+)\"");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");

  @Test
  void everyLinkLeadsSomewhere() throws IOException {
    List<String> broken = new ArrayList<>();
    int links = 0;
    for (Path page : pages()) {
      Matcher matcher = LINK.matcher(CODE.matcher(Files.readString(page)).replaceAll("``"));
      while (matcher.find()) {
        links++;
        String target = matcher.group(1) != null ? matcher.group(1) : matcher.group(2);
        if (!leadsSomewhere(page, target)) {
          broken.add(ROOT.relativize(page) + ": " + target);
        }
      }
    }
    assertThat(broken).isEmpty();
    assertThat(links).isGreaterThan(200);
  }

  @Test
  void theIndexLeadsToEveryPage() throws IOException {
    Path docs = ROOT.resolve("docs");
    String index = Files.readString(docs.resolve("README.md"));
    assertThat(pages())
        .filteredOn(page -> page.startsWith(docs) && !page.endsWith("README.md"))
        .allSatisfy(page -> assertThat(index).contains("](" + docs.relativize(page) + ")"));
  }

  @Test
  void theReadmeIsShort() throws IOException {
    assertThat(Files.size(ROOT.resolve("README.md"))).isBetween(9_000L, 10_000L);
  }

  @Test
  void tellsALinkThatLeadsNowhere() {
    Path readme = ROOT.resolve("README.md");
    assertThat(leadsSomewhere(readme, "docs/schedulers.md")).isTrue();
    assertThat(leadsSomewhere(readme, "docs/averaging.md#where-we-differ-from-pytorch")).isTrue();
    assertThat(leadsSomewhere(readme, "docs/nowhere.md")).isFalse();
    assertThat(leadsSomewhere(readme, "docs/averaging.md#nowhere")).isFalse();
    assertThat(leadsSomewhere(readme, "https://pytorch.org/docs")).isTrue();
    assertThat(leadsSomewhere(readme, "https:/pytorch.org")).isFalse();
  }

  /** A link to another site must be well formed: a test has no network. */
  private static boolean leadsSomewhere(Path page, String target) {
    if (target.startsWith("http")) {
      return target.matches("https://[a-z0-9.-]+\\.[a-z]+(/\\S*)?");
    }
    String[] parts = target.split("#", 2);
    Path file = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
    if (!Files.exists(file)) {
      return false;
    }
    return parts.length == 1 || anchors(file).contains(parts[1]);
  }

  /** Returns the anchors that GitHub gives the headings of a page. */
  private static Set<String> anchors(Path page) {
    Set<String> anchors = new HashSet<>();
    try {
      Matcher matcher = HEADING.matcher(Files.readString(page));
      while (matcher.find()) {
        anchors.add(
            matcher
                .group(1)
                .toLowerCase(Locale.ROOT)
                .replaceAll("[^\\p{L}\\p{N} _-]", "")
                .replace(' ', '-'));
      }
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
    return anchors;
  }

  private static List<Path> pages() throws IOException {
    List<Path> pages =
        new ArrayList<>(
            List.of(
                ROOT.resolve("README.md"),
                ROOT.resolve("CONTRIBUTING.md"),
                ROOT.resolve("CHANGELOG.md")));
    try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
      pages.addAll(docs.filter(file -> file.toString().endsWith(".md")).sorted().toList());
    }
    return pages;
  }
}
