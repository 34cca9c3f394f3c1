package io.github.dl4jtorch.schedules;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** This module stands on the JDK alone, and its schedules know nothing of the runs. */
class ArchitectureTest {

  private static final JavaClasses MAIN =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("io.github.dl4jtorch.schedules");

  @Test
  void dependsOnTheJdkAlone() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        // JSpecify's annotations are there for the compiler only.
        .resideInAnyPackage(
            "io.github.dl4jtorch.schedules..",
            "java.io..",
            "java.lang..",
            "java.util..",
            "com.google.errorprone.annotations..",
            "org.jspecify.annotations..")
        .check(MAIN);
  }

  @Test
  void definitionsDoNotKnowTheirRuns() {
    noClasses()
        .that()
        .implement(Schedule.class)
        .and()
        .areNotInterfaces()
        .should()
        .dependOnClassesThat()
        .areAssignableTo(Node.class)
        .check(MAIN);
  }
}
