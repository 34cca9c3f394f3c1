package io.github.dl4jtorch.trainings;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  /** These trainings are what users can do. */
  @Test
  void usesNoneOfTheInsides() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "io.github.dl4jtorch.adapter.internal..", "org.deeplearning4j.nn.updater..")
        .check(new ClassFileImporter().importPackages("io.github.dl4jtorch.trainings"));
  }
}
