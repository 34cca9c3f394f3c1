package io.github.dl4jtorch.spark;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.github.dl4jtorch.spark");

  @Test
  void dependsOnAdapterDl4jAndWhatSparkBringsAlone() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "org.jspecify.annotations..",
            "io.github.dl4jtorch.adapter..",
            "io.github.dl4jtorch.spark..",
            "org.deeplearning4j..",
            "org.nd4j.linalg..",
            "org.nd4j.kryo..",
            "com.esotericsoftware.kryo..")
        .check(CLASSES);
  }

  /** DL4J announces a rewrite of these; adapter has the one place that touches them. */
  @Test
  void leavesDl4jsUpdaterBlocksToAdapter() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.deeplearning4j.nn.updater..")
        .check(CLASSES);
  }

  /** What the example shows is what users may do. */
  @Test
  void theExampleKnowsNoInsides() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.github.dl4jtorch.adapter.internal..")
        .check(new ClassFileImporter().importPackages("io.github.dl4jtorch.examples.spark"));
  }
}
